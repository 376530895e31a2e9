//! Story: an application comes in. It is heard, looked at by every rule that needs no person, and waits for one.
//!
//! Promises: the same text is one application, however often it comes (a retry after a lost answer gives the same
//! number, a replay does nothing); a link is used up in the same transaction; a kind that the rules grant is granted there.

use kernel::{Fault, FaultKind, Id, MemberId, ServerId};
use serde::{Deserialize, Serialize};
use store::Tx;
use trust::log::VerifierKey;

use crate::domain::envelope::key_name;
use crate::domain::{BadApplication, Heard, Wish, compared, link};
use crate::sql::application::{ApplicationRow, State};
use crate::{Envelope, Register, by_rule, sql};

/// How far an applicant's clock may be off, in seconds: a day, since a joining machine's clock is often not set yet.
pub const CLOCK_SECONDS_MAX: i64 = 24 * 3_600;
/// Most applications that wait at once: more than a country's officials read in a week, and a bound for the table.
const WAITING_MAX: i64 = 2_000;
/// Most applications of one server that wait at once.
const WAITING_OF_ONE_MAX: i64 = 8;

/// What an applicant gets back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The application's number.
    pub number: Id,
    /// `waiting`, `approved`, `refused` or `withdrawn`.
    pub state: String,
    /// What both screens show.
    pub fingerprint: String,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The PEM chains by purpose, for an approved application that asked for certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<std::collections::BTreeMap<String, String>>,
}

impl Receipt {
    /// The receipt of a row.
    pub(crate) fn of(row: &ApplicationRow) -> Self {
        let given = row.given.as_deref();
        Self {
            number: row.number,
            state: row.state.text().to_owned(),
            fingerprint: compared(&row.digest),
            why: row.why.clone(),
            certificates: given.and_then(|text| serde_json::from_str(text).ok()),
        }
    }
}

impl From<BadApplication> for Fault {
    fn from(error: BadApplication) -> Self {
        let fault = match error {
            BadApplication::TooLarge => Self::new(FaultKind::TooLarge, "fault-registry-large"),
            BadApplication::Shape(_) => Self::invalid("fault-registry-shape"),
            BadApplication::Field(what) => Self::invalid("fault-registry-field").arg("field", what),
            BadApplication::Signature => Self::denied("fault-registry-signature"),
            BadApplication::Request(what) => {
                Self::denied("fault-registry-request").arg("request", what)
            }
        };
        fault.detail(error)
    }
}

fn conflict(key: &'static str) -> Fault {
    Fault::new(FaultKind::Conflict, key)
}

impl Register {
    /// Takes an application.
    ///
    /// # Errors
    /// It is not well formed, not signed, not for this authority, not timely, or not possible; or the store failed.
    pub async fn receive(&self, bytes: &[u8]) -> Result<Receipt, Fault> {
        let envelope = Envelope::parse(bytes)?;
        let heard = envelope.hear()?;
        self.for_us(&heard)?;
        let mut tx = self.begin().await?;
        if let Some(known) = sql::application::by_digest(&mut tx, &heard.digest).await? {
            return Ok(Receipt::of(&known));
        }
        self.timely(&heard)?;
        let (store, server) = (&self.inner.parts.store, &heard.application.server);
        let number = Id::new(store.clock().as_ref(), store.chance().as_ref());
        self.may_apply(&mut tx, &envelope, &heard, number).await?;
        let kind = heard.application.wish.kind();
        let text = serde_json::to_string(&envelope).map_err(Fault::internal)?;
        let digest = &heard.digest;
        sql::application::put(&mut tx, (number, kind), server, (digest, &text), self.now()).await?;
        let (id, shown) = (server.to_string(), number.to_string());
        let notes = [("number", shown.as_str()), ("server", &id), ("kind", kind)];
        let by = kernel::Actor::system("registry.applicant");
        self.enter(&mut tx, ("applied", &by), heard.digest, &notes)
            .await?;
        if let Wish::Withdrawal { number: earlier } = &heard.application.wish {
            self.withdraw(&mut tx, earlier, &heard, number).await?;
        } else if self.rules(&mut tx).await?.granted.contains(&kind) {
            self.grant(&mut tx, number, &by_rule()).await?;
        }
        let row = sql::application::by_number(&mut tx, number).await?;
        let row = row.ok_or_else(|| Fault::internal("an application just entered is gone"))?;
        tx.commit().await?;
        self.after_grant(&row).await;
        Ok(Receipt::of(&row))
    }

    /// How far an application is.
    ///
    /// # Errors
    /// There is none with this number, or the store failed.
    pub async fn standing(&self, number: &str) -> Result<Receipt, Fault> {
        Ok(Receipt::of(&self.application(number).await?))
    }

    /// An application with everything that is known of it.
    ///
    /// # Errors
    /// There is none with this number, or the store failed.
    pub async fn application(&self, number: &str) -> Result<ApplicationRow, Fault> {
        let missing = || Fault::missing("fault-registry-application");
        let number = number.parse().map_err(|_| missing())?;
        let mut tx = self.read().await?;
        let row = sql::application::by_number(&mut tx, number).await?;
        row.ok_or_else(missing)
    }

    fn for_us(&self, heard: &Heard) -> Result<(), Fault> {
        let owner = &heard.application.server.owner;
        if heard.application.authority != self.pin().to_string()
            || owner.instance != self.founding().owner.instance
        {
            return Err(Fault::denied("fault-registry-other-authority"));
        }
        Ok(())
    }

    fn timely(&self, heard: &Heard) -> Result<(), Fault> {
        let off = heard.application.at.seconds_since(self.now());
        match off.unsigned_abs() > CLOCK_SECONDS_MAX.unsigned_abs() {
            true => {
                Err(Fault::invalid("fault-registry-clock").arg("now", self.now().iso_seconds()))
            }
            false => Ok(()),
        }
    }

    async fn may_apply(
        &self,
        tx: &mut Tx,
        envelope: &Envelope,
        heard: &Heard,
        number: Id,
    ) -> Result<(), Fault> {
        let server = &heard.application.server;
        if sql::application::count_waiting(tx).await? >= WAITING_MAX
            || sql::application::waiting_of(tx, server).await? >= WAITING_OF_ONE_MAX
        {
            return Err(Fault::new(FaultKind::TooMany, "fault-registry-waiting"));
        }
        if let Some(keys) = &heard.keys {
            self.unused_elsewhere(tx, server, keys).await?;
        }
        match &heard.application.wish {
            Wish::Join { link, log, .. } => {
                let member = self.open_link(tx, link, envelope).await?;
                self.may_join(tx, server, member.as_ref()).await?;
                self.log_fits(server, log)?;
                match sql::link::use_up(tx, link, number).await? {
                    true => Ok(()),
                    false => Err(conflict("fault-registry-link-used")),
                }
            }
            Wish::Withdrawal { .. } => Ok(()),
            _ => self.signed_by_registered(tx, heard).await,
        }
    }

    /// The link of a join; the state of a link is told only to whoever knows its secret.
    async fn open_link(
        &self,
        tx: &mut Tx,
        id: &str,
        envelope: &Envelope,
    ) -> Result<Option<MemberId>, Fault> {
        let unknown = || Fault::denied("fault-registry-link");
        let row = sql::link::one(tx, id).await?.ok_or_else(unknown)?;
        if !link::holds(&row.secret, &envelope.application, &envelope.proof) {
            return Err(unknown());
        }
        match row.state.as_str() {
            "open" if self.now() < row.until => Ok(row.member),
            "open" => Err(conflict("fault-registry-link-over")),
            "used" => Err(conflict("fault-registry-link-used")),
            _ => Err(conflict("fault-registry-link-revoked")),
        }
    }

    /// Whether this server may become one: its class exists, its number fits, and neither is taken.
    pub(crate) async fn may_join(
        &self,
        tx: &mut Tx,
        server: &ServerId,
        invited: Option<&MemberId>,
    ) -> Result<(), Fault> {
        let owner = &server.owner;
        if invited.is_some_and(|member| member != owner) {
            return Err(conflict("fault-registry-link-member"));
        }
        if !self.rules(tx).await?.classes.contains(&owner.class) {
            return Err(Fault::invalid("fault-registry-class").arg("class", &owner.class));
        }
        if let Some(scheme) = &self.founding().scheme {
            let parsed = scheme.parse(&owner.code);
            if parsed.is_err() || parsed.is_ok_and(|code| code != owner.code) {
                return Err(Fault::invalid("fault-registry-number"));
            }
        }
        let known = sql::member::by_code(tx, &owner.class, &owner.code).await?;
        if known.is_some() && invited.is_none() {
            return Err(conflict("fault-registry-taken"));
        }
        match sql::server::one(tx, server).await? {
            Some(_) => Err(conflict("fault-registry-server-taken")),
            None => Ok(()),
        }
    }

    /// A body's log is named after the member, so that nobody can have another's log witnessed.
    fn log_fits(&self, server: &ServerId, log: &str) -> Result<(), Fault> {
        let wrong = || Fault::invalid("fault-registry-field").arg("field", "log");
        let key = VerifierKey::parse(log).map_err(|_| wrong())?;
        match key.name() == log_origin(&server.owner) {
            true => Ok(()),
            false => Err(wrong()),
        }
    }

    /// Everything but a join is signed by the signing key that is registered for this very server.
    async fn signed_by_registered(&self, tx: &mut Tx, heard: &Heard) -> Result<(), Fault> {
        let server = heard.application.server.to_string();
        for signer in &heard.signers {
            let owner = sql::server::key_owner(tx, &key_name(signer)).await?;
            if owner.is_some_and(|(owner, active, purpose)| {
                owner == server && active && purpose == crate::certificates::SIGN
            }) {
                return Ok(());
            }
        }
        Err(Fault::denied("fault-registry-not-member"))
    }

    /// Takes back an earlier application that the same key signed.
    async fn withdraw(
        &self,
        tx: &mut Tx,
        earlier: &str,
        heard: &Heard,
        number: Id,
    ) -> Result<(), Fault> {
        let missing = || Fault::missing("fault-registry-application");
        let id = earlier.parse().map_err(|_| missing())?;
        let row = sql::application::by_number(tx, id)
            .await?
            .ok_or_else(missing)?;
        let before = Envelope::parse(row.envelope.as_bytes())?.hear()?;
        if row.server != heard.application.server
            || !before.signers.iter().any(|key| heard.signers.contains(key))
        {
            return Err(missing());
        }
        let (by, now) = (kernel::Actor::system("registry.applicant"), self.now());
        let decision = (State::Withdrawn, by.account.as_str(), now);
        if !sql::application::decide(tx, id, decision, (None, None)).await? {
            return Err(conflict("fault-registry-decided"));
        }
        let granted = (State::Approved, by.account.as_str(), now);
        sql::application::decide(tx, number, granted, (None, None)).await?;
        let notes = [("number", earlier)];
        self.enter(tx, ("withdrawn", &by), row.digest, &notes).await
    }
}

/// Under which name a member publishes its log.
pub fn log_origin(member: &MemberId) -> String {
    format!("{}.{}.{}/log", member.instance, member.class, member.code).to_lowercase()
}
