//! The desk: who sees what, observing, curing, deciding.

use kernel::{FaultKind, Locale};

use super::*;
use crate::case::State;
use crate::{Cure, Decision, DeskFilter, NotFiled, Verdict};

pub fn grant() -> Decision {
    Decision {
        verdict: Verdict::Grant,
        reasons: String::new(),
        revision: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn others_see_nothing_and_may_do_nothing() {
    town(MONDAY, |town| async move {
        let case = town.file("k1").await.case;
        town.work().await;
        let stranger = person("99000022");
        let no_rights = official("99000134", "sistemas", &[]);
        let reader = official("99000134", "rentas", &["case.read"]);
        let workflow = &town.workflow;
        for actor in [&stranger, &no_rights, &reader, &Actor::system("x")] {
            let seen = workflow.case_for(actor, case, Locale::Es).await.map(drop);
            assert_eq!(
                seen.expect_err("hidden").kind,
                FaultKind::Missing,
                "{actor:?}"
            );
            assert!(workflow.timeline(actor, case).await.is_err());
            assert!(workflow.decide(actor, case, grant()).await.is_err());
            assert!(workflow.observe(actor, case, "x").await.is_err());
            assert!(workflow.withdraw(actor, case).await.is_err());
            assert!(workflow.cure(actor, case, Cure::default()).await.is_err());
            assert!(workflow.ask_again(actor, case, "persona").await.is_err());
        }
        for actor in [&stranger, &no_rights, &Actor::system("x")] {
            assert!(workflow.desk(actor, &DeskFilter::default()).await.is_err());
        }
        let refused = workflow
            .decide(&marco(), case, grant())
            .await
            .expect_err("may not decide");
        assert_eq!(refused.kind, FaultKind::Denied);
        assert!(
            workflow.decide(&person(ROSA), case, grant()).await.is_err(),
            "not the applicant"
        );
        let herself = Actor {
            subject: ROSA.into(),
            ..gladys()
        };
        let own = workflow
            .decide(&herself, case, grant())
            .await
            .expect_err("her own case");
        assert_eq!(own.key, "fault-workflow-own-case");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_made_once_and_its_paper_once() {
    town(MONDAY, |town| async move {
        let receipt = town.file("k1").await;
        town.work().await;
        town.workflow
            .evaluate(&marco(), receipt.case)
            .await
            .expect("taken up");
        let revision = {
            let view = town
                .workflow
                .case_for(&gladys(), receipt.case, Locale::Es)
                .await;
            view.expect("all desks").case.revision
        };
        let stale = Decision {
            revision: Some(revision - 1),
            ..grant()
        };
        let refused = town.workflow.decide(&gladys(), receipt.case, stale).await;
        assert_eq!(
            refused.expect_err("read an older one").key,
            "fault-workflow-changed"
        );
        let decision = Decision {
            revision: Some(revision),
            ..grant()
        };
        let first = town
            .workflow
            .decide(&gladys(), receipt.case, decision.clone())
            .await
            .expect("granted");
        let again = town
            .workflow
            .decide(&gladys(), receipt.case, decision)
            .await
            .expect("the same");
        assert_eq!((first.as_deref(), &again), (Some("RG-000001-2026"), &first));
        let deny = Decision {
            verdict: Verdict::Deny,
            reasons: "no".into(),
            revision: None,
        };
        let ended = town.workflow.decide(&gladys(), receipt.case, deny).await;
        assert_eq!(ended.expect_err("over").key, "fault-workflow-ended");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_paper_of_a_decision_is_whole_and_made_once() {
    town(MONDAY, |town| async move {
        let receipt = town.file("k1").await;
        town.work().await;
        let number = town.workflow.decide(&gladys(), receipt.case, grant()).await;
        assert_eq!(number.expect("granted").as_deref(), Some("RG-000001-2026"));
        town.work().await;
        let papers = town.workflow.inner.papers.on_shelf();
        let resolution = papers
            .iter()
            .find(|paper| paper.template == "resolution-granted");
        let resolution = resolution.expect("made");
        assert_eq!(
            resolution.title,
            "Licencia de funcionamiento RG-000001-2026"
        );
        assert_eq!(
            resolution
                .signer
                .as_ref()
                .map(|signer| signer.post.as_str()),
            Some("gerencia")
        );
        let text: String = resolution
            .blocks
            .iter()
            .map(|block| block.text.as_str())
            .collect();
        assert!(
            text.contains("Sumaq Mikhuna E.I.R.L.")
                && text.contains("riesgo")
                && !text.contains('{')
        );
        let trail = town.trail(&receipt).await;
        assert_eq!(
            trail.iter().filter(|kind| *kind == "case.granted").count(),
            1
        );
        assert_eq!(trail.last().map(String::as_str), Some("case.issued"));
        let view = town
            .workflow
            .case_for(&person(ROSA), receipt.case, Locale::En)
            .await
            .expect("own");
        assert_eq!(view.case.state, State::Granted);
        assert!(view.papers.iter().all(|paper| paper.document.is_some()));
        assert!(view.clock.over && view.clock.deadline.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_officials_at_the_same_time_make_one_decision() {
    town(MONDAY, |town| async move {
        let case = town.file("k1").await.case;
        town.work().await;
        let deny = Decision {
            verdict: Verdict::Deny,
            reasons: "no".into(),
            revision: None,
        };
        let other = Actor {
            account: "other".into(),
            subject: "99000101".into(),
            ..gladys()
        };
        let chief = gladys();
        let (one, two) = tokio::join!(
            town.workflow.decide(&chief, case, grant()),
            town.workflow.decide(&other, case, deny),
        );
        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn observed_and_cured_with_a_new_number() {
    town(MONDAY, |town| async move {
        let receipt = town.file("k1").await;
        town.work().await;
        let empty = town.workflow.observe(&marco(), receipt.case, "  ").await;
        assert_eq!(empty.expect_err("nothing said").kind, FaultKind::Invalid);
        town.workflow
            .observe(&marco(), receipt.case, "Revisa el RUC.")
            .await
            .expect("observed");
        town.work().await;
        let view = town
            .workflow
            .case_for(&person(ROSA), receipt.case, Locale::Es)
            .await
            .expect("own");
        assert_eq!(view.clock.cure_until, Some(at("2026-11-25T23:59:59-05:00")));
        assert!(view.clock.paused && view.clock.deadline.is_none());
        let words = view
            .events
            .iter()
            .find(|event| event.kind == "case.observed")
            .expect("noted");
        assert_eq!(words.words.as_deref(), Some("Revisa el RUC."));
        let asked = town.registries.asked().len();
        let bring = |ruc: &str| Cure {
            answers: [("ruc".to_owned(), ruc.to_owned())].into(),
            words: "Corregido.".into(),
        };
        let wrong = town
            .workflow
            .cure(&person(ROSA), receipt.case, bring("1"))
            .await;
        assert!(matches!(wrong, Err(NotFiled::Answers(errors)) if errors[0].field == "ruc"));
        town.go_to("2026-11-24T18:00:00-05:00");
        town.workflow
            .cure(&person(ROSA), receipt.case, bring("20100070970"))
            .await
            .expect("cured");
        town.work().await;
        let later = &town.registries.asked()[asked..];
        let services: Vec<&str> = later.iter().map(|q| q.service.as_str()).collect();
        assert_eq!(
            services.len(),
            2,
            "{services:?}: the firm is another, the person is the same"
        );
        let view = town
            .workflow
            .case_for(&marco(), receipt.case, Locale::Es)
            .await
            .expect("own desk");
        assert_eq!(view.case.state, State::InEvaluation);
        assert_eq!(view.case.presented_at, at(MONDAY));
        assert_eq!(
            view.clock.deadline,
            Some(at("2026-11-26T23:59:59-05:00")),
            "one day stood still"
        );
        assert!(view.needs.iter().all(|row| row.need.about != RUC));
        assert!(view.facts.iter().all(|fact| fact.verified().is_some()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_is_ordered_by_what_is_due_and_paged() {
    town(MONDAY, |town| async move {
        for number in 0..crate::desk::DESK_ROWS {
            town.file(&format!("k{number}")).await;
        }
        town.go_to("2026-11-24T09:00:00-05:00");
        let late = town.file("late").await;
        town.work().await;
        let first = town
            .workflow
            .desk(&marco(), &DeskFilter::default())
            .await
            .expect("own desk");
        assert_eq!(first.rows.len(), crate::desk::DESK_ROWS);
        assert_eq!(first.counts.by_state[&State::Received], 26);
        assert!(first.rows.is_sorted_by_key(|row| row.due));
        assert_eq!((first.rows[0].days_left, first.counts.late), (Some(1), 0));
        let next = DeskFilter {
            after: first.next.clone(),
            ..DeskFilter::default()
        };
        let second = town.workflow.desk(&marco(), &next).await.expect("own desk");
        assert_eq!(
            second.rows.iter().map(|row| row.id).collect::<Vec<_>>(),
            [late.case]
        );
        assert_eq!(second.next, None);
        let mut seen: Vec<_> = first
            .rows
            .iter()
            .chain(&second.rows)
            .map(|row| row.id)
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 26, "no case twice, none left out");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_shows_its_own_cases() {
    town(MONDAY, |town| async move {
        town.file("k1").await;
        town.work().await;
        let elsewhere = official("99000134", "rentas", &["case.read"]);
        let empty = town
            .workflow
            .desk(&elsewhere, &DeskFilter::default())
            .await
            .expect("own desk");
        assert!(empty.rows.is_empty(), "another desk");
        let filter = DeskFilter {
            post: Some("licencias".into()),
            ..DeskFilter::default()
        };
        assert!(
            town.workflow
                .desk(&elsewhere, &filter)
                .await
                .expect("own desk")
                .rows
                .is_empty()
        );
        assert_eq!(
            town.workflow
                .desk(&gladys(), &filter)
                .await
                .expect("all desks")
                .rows
                .len(),
            1
        );
        let observed = DeskFilter {
            state: Some(State::Observed),
            ..DeskFilter::default()
        };
        assert!(
            town.workflow
                .desk(&marco(), &observed)
                .await
                .expect("own desk")
                .rows
                .is_empty()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_is_in_the_log_and_names_nobody() {
    town(MONDAY, |town| async move {
        let receipt = town.file("k1").await;
        town.work().await;
        let words = "Falta el croquis de Rosa.";
        town.workflow
            .observe(&marco(), receipt.case, words)
            .await
            .expect("observed");
        town.workflow
            .cure(&person(ROSA), receipt.case, Cure::default())
            .await
            .expect("cured");
        town.workflow
            .decide(&gladys(), receipt.case, grant())
            .await
            .expect("granted");
        town.work().await;
        let events = town.trail(&receipt).await.len();
        assert_eq!(
            town.log.standing().await.expect("standing").staged,
            events as u64
        );
        town.log.place_all().await.expect("placed");
        let entries = town.log.entries(0, 100).await.expect("entries");
        assert_eq!(entries.len(), events);
        let text = format!("{entries:?}");
        assert!(text.contains("case.granted") && text.contains("EXP-000001-2026"));
        for secret in [ROSA, "Rosa", "croquis", RUC] {
            assert!(!text.contains(secret), "{secret} in the log");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paper_whose_note_was_lost_is_not_made_twice() {
    town(MONDAY, |town| async move {
        let receipt = town.file("k1").await;
        // The process is killed after the paper was made and before that was noted.
        let mut tx = town.store.read().await.expect("read");
        let order = crate::sql::order(&mut tx, receipt.case, "receipt")
            .await
            .expect("read");
        drop(tx);
        town.workflow
            .make_only(receipt.case, &order.expect("ordered"))
            .await
            .expect("made");
        town.work().await;
        let papers = town.workflow.inner.papers.on_shelf();
        assert_eq!(
            papers
                .iter()
                .filter(|paper| paper.template == "receipt")
                .count(),
            1
        );
        let trail = town.trail(&receipt).await;
        assert_eq!(
            trail.iter().filter(|kind| *kind == "case.issued").count(),
            2,
            "receipt and cargo"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_reads_like_the_decision_and_leaves_no_trace() {
    town(MONDAY, |town| async move {
        let receipt = town.file("k1").await;
        town.work().await;
        let before = town.trail(&receipt).await;
        let shown = town
            .workflow
            .preview(&gladys(), receipt.case, Verdict::Grant)
            .await
            .expect("allowed");
        assert!(
            town.workflow
                .preview(&marco(), receipt.case, Verdict::Grant)
                .await
                .is_err()
        );
        assert_eq!(town.trail(&receipt).await, before);
        let number = town
            .workflow
            .decide(&gladys(), receipt.case, grant())
            .await
            .expect("granted");
        assert_eq!(
            number.as_deref(),
            Some("RG-000001-2026"),
            "the preview used no number"
        );
        town.work().await;
        let papers = town.workflow.inner.papers.on_shelf();
        let made = papers
            .iter()
            .find(|paper| paper.template == "resolution-granted")
            .expect("made");
        assert_eq!(made.blocks, shown);
    })
    .await;
}
