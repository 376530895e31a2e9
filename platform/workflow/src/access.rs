//! Who may do what with cases. Whatever is not allowed here is denied.

use kernel::{Actor, Fault, Role};

use crate::case::Case;

/// Lets an official see the cases of their desk.
pub const READ: &str = "case.read";
/// Lets an official receive filings at the reception desk, and see the cases of all desks.
pub const RECEIVE: &str = "case.receive";
/// Lets an official evaluate the cases of their desk: take up, observe, ask a registry again.
pub const EVALUATE: &str = "case.evaluate";
/// The right that decides unless a procedure names another; it includes evaluating, at every desk.
pub const DECIDE: &str = "case.decide";

fn denied(right: &str) -> Fault {
    Fault::denied("fault-denied").detail(format!("lacks {right} for this case"))
}

/// The person who acts for themselves.
pub fn person(actor: &Actor) -> Result<&Actor, Fault> {
    match actor.role {
        Role::Person => Ok(actor),
        Role::Official { .. } | Role::System => Err(Fault::denied("fault-workflow-person-only")
            .detail("not a person acting for themselves")),
    }
}

/// The post that an official acts in.
pub fn post(actor: &Actor) -> Option<&str> {
    match &actor.role {
        Role::Official { post, .. } => Some(post),
        Role::Person | Role::System => None,
    }
}

/// The desk whose cases an official may list: their own, or all (`None`).
pub fn desk(actor: &Actor, decide: &[&str]) -> Result<Option<String>, Fault> {
    let own = post(actor)
        .filter(|_| actor.may(READ))
        .ok_or_else(|| denied(READ))?;
    let all = actor.may(RECEIVE) || decide.iter().any(|right| actor.may(right));
    Ok((!all).then(|| own.to_owned()))
}

/// Whether the actor may see this case. To others it does not exist.
pub fn may_read(actor: &Actor, case: &Case, decide: &str) -> Result<(), Fault> {
    let allowed = match &actor.role {
        Role::Person => actor.subject == case.subject,
        Role::Official { post, .. } => {
            actor.may(READ) && (*post == case.post || actor.may(RECEIVE) || actor.may(decide))
        }
        Role::System => false,
    };
    if allowed {
        Ok(())
    } else {
        Err(Fault::missing("fault-missing").detail("no right to see the case"))
    }
}

/// Whether the actor may receive this case at the reception desk.
pub fn may_receive(actor: &Actor, case: &Case, decide: &str) -> Result<(), Fault> {
    if actor.is_official() && actor.may(RECEIVE) {
        Ok(())
    } else {
        may_evaluate(actor, case, decide)
    }
}

/// Whether the actor may evaluate this case.
pub fn may_evaluate(actor: &Actor, case: &Case, decide: &str) -> Result<(), Fault> {
    let at_desk = post(actor) == Some(case.post.as_str()) && actor.may(EVALUATE);
    if at_desk {
        Ok(())
    } else {
        may_decide(actor, case, decide).map_err(|_| denied(EVALUATE))
    }
}

/// Whether the actor may decide this case. Nobody decides their own.
pub fn may_decide(actor: &Actor, case: &Case, decide: &str) -> Result<(), Fault> {
    if actor.subject == case.subject {
        return Err(
            Fault::denied("fault-workflow-own-case").detail("an official decides their own case")
        );
    }
    if actor.is_official() && actor.may(decide) {
        Ok(())
    } else {
        Err(denied(decide))
    }
}

/// Whether this case is the actor's own.
pub fn may_act_as_applicant(actor: &Actor, case: &Case) -> Result<(), Fault> {
    let own = actor.role == Role::Person && actor.subject == case.subject;
    if own {
        Ok(())
    } else {
        Err(Fault::missing("fault-missing").detail("not the applicant"))
    }
}
