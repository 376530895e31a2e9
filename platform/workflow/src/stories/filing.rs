//! Drafts, prefilling, filing and gathering.

use kernel::{FaultKind, Locale};

use super::*;
use crate::case::{FactState, Refusal, State};
use crate::{NotFiled, PrefilledState};

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_at_once_then_facts_cargo_and_papers() {
    town(MONDAY, |town| async move {
        let receipt = town.file("k1").await;
        assert_eq!(receipt.number, "EXP-000001-2026");
        assert_eq!(receipt.presented_at, at(MONDAY));
        assert_eq!(receipt.deadline, Some(at("2026-11-25T23:59:59-05:00")));
        assert_eq!(receipt.silence_at, Some(at("2026-12-03T00:00:00-05:00")));
        assert_eq!(
            (receipt.received_at, receipt.facts_pending, receipt.again),
            (None, 3, false)
        );
        assert!(
            town.registries.asked().is_empty(),
            "nobody waits for a registry"
        );
        town.work().await;
        let asked = town.registries.asked();
        assert_eq!(asked.len(), 3);
        assert!(
            asked
                .iter()
                .all(|q| q.purpose == PROCEDURE && q.case.as_deref() == Some("EXP-000001-2026"))
        );
        let view = town
            .workflow
            .case_for(&person(ROSA), receipt.case, Locale::Es)
            .await
            .expect("own");
        assert_eq!(view.case.state, State::Received);
        assert!(view.facts.iter().all(|fact| fact.verified().is_some()));
        assert_eq!(view.problems, Vec::<&crate::procedure::Check>::new());
        let answer = view.answers.iter().find(|(key, _)| key == "activity");
        assert_eq!(
            answer.map(|(_, shown)| shown.as_str()),
            Some("Restaurante o cafetería")
        );
        let papers = town.workflow.inner.papers.on_shelf();
        let made: Vec<&str> = papers.iter().map(|paper| paper.template.as_str()).collect();
        assert_eq!(made, ["receipt", "reception"]);
        let receipt_text: String = papers[0]
            .blocks
            .iter()
            .filter_map(|block| block.value.clone())
            .collect();
        assert!(
            receipt_text.contains("EXP-000001-2026") && receipt_text.contains("25 de noviembre")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_filing_twice_is_one_case() {
    town(MONDAY, |town| async move {
        let first = town.file("k1").await;
        let again = town.file("k1").await;
        assert!(again.again);
        assert_eq!(
            (first.case, &first.number, &first.code),
            (again.case, &again.number, &again.code)
        );
        let (one, two) = tokio::join!(town.file("k2"), town.file("k2"));
        assert_eq!(one.case, two.case);
        let mine = town
            .workflow
            .cases_of(&person(ROSA), None)
            .await
            .expect("mine");
        assert_eq!(mine.len(), 2);
        // The key belongs to the person: nobody reaches another's case with it.
        let other = town
            .workflow
            .file(&person("99000022"), filing("k1"))
            .await
            .expect("filed");
        assert_ne!(other.case, first.case);
        assert_eq!(
            town.work().await,
            3 * 5 + 3,
            "3 questions, receipt, reception and its paper each"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_leaves_nothing_and_uses_no_number() {
    town(MONDAY, |town| async move {
        let mut tx = town.store.begin().await.expect("begin");
        let procedure = town.workflow.procedure(PROCEDURE).expect("there");
        let opened = town
            .workflow
            .open(&mut tx, &person(ROSA), procedure, &filing("k1"), answers())
            .await;
        assert!(opened.is_ok());
        drop(tx);
        assert_eq!(town.work().await, 0, "no job survives");
        assert_eq!(
            town.workflow
                .cases_of(&person(ROSA), None)
                .await
                .expect("mine"),
            []
        );
        assert_eq!(town.file("k1").await.number, "EXP-000001-2026");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers_and_strangers_file_nothing() {
    town(MONDAY, |town| async move {
        let mut wrong = filing("k1");
        wrong.answers.insert("ruc".into(), "20131380952".into());
        wrong.answers.remove("truth-declaration");
        match town.workflow.file(&person(ROSA), wrong).await {
            Err(NotFiled::Answers(errors)) => {
                let keys: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
                assert_eq!(keys, ["ruc", "truth-declaration"]);
            }
            other => panic!("{other:?}"),
        }
        for actor in [gladys(), Actor::system("x")] {
            assert!(matches!(
                town.workflow.file(&actor, filing("k1")).await,
                Err(NotFiled::Fault(fault)) if fault.kind == FaultKind::Denied
            ));
        }
        assert!(matches!(
            town.workflow.file(&person(ROSA), filing("")).await,
            Err(NotFiled::Fault(fault)) if fault.kind == FaultKind::Invalid
        ));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_waits_for_the_person() {
    town(MONDAY, |town| async move {
        let rosa = person(ROSA);
        let typed = [("trade-name", " Sumaq  Mikhuna"), ("area", "eighty")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let checked = town
            .workflow
            .save_step(&rosa, PROCEDURE, "business", &typed)
            .await
            .expect("saved");
        assert!(checked.errors.iter().any(|error| error.field == "area"));
        let draft = town.workflow.draft(&rosa, PROCEDURE).await.expect("saved");
        assert_eq!(
            draft.answers["area"], "eighty",
            "wrong answers are kept too"
        );
        let step = [("holder", "firm"), ("ruc", RUC)];
        let step = step
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        town.workflow
            .save_step(&rosa, PROCEDURE, "holder", &step)
            .await
            .expect("saved");
        let later = town.workflow.draft(&rosa, PROCEDURE).await.expect("saved");
        assert_eq!(
            (later.answers.len(), &later.key),
            (4, &draft.key),
            "one key for the whole draft"
        );
        let other = town
            .workflow
            .draft(&person("99000022"), PROCEDURE)
            .await
            .expect("empty");
        assert!(other.answers.is_empty() && other.key != draft.key);
        town.file(&draft.key).await;
        assert_eq!(
            town.workflow.drafts(&rosa).await.expect("mine"),
            [],
            "filed is no draft any more"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_of_the_form_are_asked_once_and_move_into_the_case() {
    town(MONDAY, |town| async move {
        let rosa = person(ROSA);
        let prefill = town
            .workflow
            .prefill(&rosa, PROCEDURE, &Answers::new())
            .await
            .expect("asked");
        let name = prefill.get("applicant-name").expect("asked about");
        assert!(matches!(name, PrefilledState::Known(fact) if fact.evidence == "m-1"));
        assert!(prefill.get("firm-name").is_none(), "no RUC yet");
        town.workflow
            .prefill(&rosa, PROCEDURE, &answers())
            .await
            .expect("asked");
        town.workflow
            .prefill(&rosa, PROCEDURE, &answers())
            .await
            .expect("remembered");
        assert_eq!(town.registries.asked().len(), 3, "each registry once");
        let receipt = town.file("k1").await;
        assert_eq!(receipt.facts_pending, 0);
        town.work().await;
        assert_eq!(town.registries.asked().len(), 3, "nothing is left to ask");
        town.clock.advance(25 * 3_600);
        town.workflow
            .prefill(&rosa, PROCEDURE, &Answers::new())
            .await
            .expect("asked");
        assert_eq!(
            town.registries.asked().len(),
            4,
            "a day later the fact is asked again"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_does_not_wait_for_a_slow_registry() {
    town(MONDAY, |town| async move {
        town.registries.set("contribuyente", Mood::Slow);
        town.registries.set("vigencia-de-poder", Mood::Away);
        let rosa = person(ROSA);
        let began = std::time::Instant::now();
        let prefill = town
            .workflow
            .prefill(&rosa, PROCEDURE, &answers())
            .await
            .expect("partial");
        assert!(began.elapsed() < std::time::Duration::from_secs(5));
        assert!(matches!(
            prefill.get("applicant-name"),
            Some(PrefilledState::Known(_))
        ));
        assert_eq!(prefill.get("firm-name"), Some(&PrefilledState::Pending));
        assert_eq!(prefill.get("power-state"), Some(&PrefilledState::Pending));
        let before = town.registries.asked().len();
        town.workflow
            .prefill(&rosa, PROCEDURE, &answers())
            .await
            .expect("partial");
        let again: Vec<String> = town.registries.asked()[before..]
            .iter()
            .map(|q| q.service.clone())
            .collect();
        assert_eq!(
            again,
            ["vigencia-de-poder"],
            "what is on its way is not asked twice"
        );
        let mut wrong = answers();
        wrong.insert("ruc".into(), "20131380952".into());
        town.workflow
            .prefill(&rosa, PROCEDURE, &wrong)
            .await
            .expect("partial");
        assert!(
            town.registries
                .asked()
                .iter()
                .all(|q| q.about != "20131380952")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_away_is_asked_until_it_is_back() {
    town(MONDAY, |town| async move {
        town.registries.set("persona", Mood::Away);
        let receipt = town.file("k1").await;
        town.work().await;
        let view = town
            .workflow
            .case_for(&person(ROSA), receipt.case, Locale::Es)
            .await
            .expect("own");
        let name = view
            .facts
            .iter()
            .find(|fact| fact.field == "applicant-name")
            .expect("shown");
        assert_eq!(name.state, FactState::Pending);
        let need = view
            .needs
            .iter()
            .find(|row| row.need.service == "persona")
            .expect("a need");
        assert_eq!((need.attempts, need.problem.as_deref()), (1, Some("away")));
        town.clock.advance(14);
        assert_eq!(town.work().await, 0, "not before its pause is over");
        town.clock.advance(2);
        assert_eq!(town.work().await, 1);
        town.registries.set("persona", Mood::Answers);
        town.clock.advance(31);
        town.work().await;
        let view = town
            .workflow
            .case_for(&person(ROSA), receipt.case, Locale::Es)
            .await
            .expect("own");
        assert!(view.facts.iter().all(|fact| fact.verified().is_some()));
        assert!(
            town.trail(&receipt)
                .await
                .contains(&"case.fact-learned".to_owned())
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_signature_is_refused_and_shown() {
    town(MONDAY, |town| async move {
        town.registries.set("contribuyente", Mood::BadSignature);
        town.registries.set("vigencia-de-poder", Mood::Unknown);
        let receipt = town.file("k1").await;
        town.work().await;
        town.clock.advance(3_600);
        assert_eq!(town.work().await, 0, "it is not asked again by itself");
        let view = town
            .workflow
            .case_for(&marco(), receipt.case, Locale::Es)
            .await
            .expect("own desk");
        let refusal = |key: &str| {
            let fact = view
                .facts
                .iter()
                .find(|fact| fact.field == key)
                .expect("shown");
            fact.refusal()
        };
        assert_eq!(refusal("firm-name"), Some(Refusal::BadSignature));
        assert_eq!(refusal("power-state"), Some(Refusal::Unknown));
        assert!(
            town.trail(&receipt)
                .await
                .contains(&"case.fact-refused".to_owned())
        );
        let decision = super::official::grant();
        let blocked = town
            .workflow
            .decide(&gladys(), receipt.case, decision.clone())
            .await;
        assert_eq!(
            blocked.expect_err("not on this").key,
            "fault-workflow-facts-pending"
        );
        town.registries.set("contribuyente", Mood::Answers);
        town.workflow
            .ask_again(&marco(), receipt.case, "contribuyente")
            .await
            .expect("allowed");
        town.work().await;
        let number = town
            .workflow
            .decide(&gladys(), receipt.case, decision)
            .await
            .expect("granted");
        assert_eq!(number.as_deref(), Some("RG-000001-2026"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_says_no_is_asked_each_hour_and_stands_in_nobodys_way() {
    town(MONDAY, |town| async move {
        town.registries.set("contribuyente", Mood::SaysNo);
        let receipt = town.file("k1").await;
        town.work().await;
        let refused = |trail: Vec<String>| {
            trail
                .iter()
                .filter(|kind| *kind == "case.fact-refused")
                .count()
        };
        assert_eq!(refused(town.trail(&receipt).await), 1);
        town.clock.advance(3_599);
        assert_eq!(town.work().await, 0);
        town.clock.advance(2);
        assert_eq!(town.work().await, 1);
        assert_eq!(refused(town.trail(&receipt).await), 1, "told once");
        let again = town
            .workflow
            .receipt(&person(ROSA), receipt.case)
            .await
            .expect("own");
        assert_eq!(again.facts_pending, 0, "the official may decide without it");
        town.registries.set("contribuyente", Mood::Answers);
        town.workflow
            .ask_again(&marco(), receipt.case, "contribuyente")
            .await
            .expect("at once");
        town.work().await;
        let view = town
            .workflow
            .case_for(&marco(), receipt.case, Locale::Es)
            .await
            .expect("own desk");
        assert!(view.facts.iter().all(|fact| fact.verified().is_some()));
        town.clock.advance(3_700);
        let asked = town.registries.asked().len();
        town.work().await;
        assert_eq!(
            town.registries.asked().len(),
            asked,
            "the hourly question has ended too"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_automatic_procedure_is_granted_by_filing() {
    town(MONDAY, |town| async move {
        let workflow =
            town.with_procedure(|procedure| procedure.kind = crate::procedure::Kind::Automatic);
        let receipt = workflow
            .file(&person(ROSA), filing("k1"))
            .await
            .expect("filed");
        assert_eq!((receipt.deadline, receipt.silence_at), (None, None));
        let view = workflow
            .case_for(&person(ROSA), receipt.case, Locale::Es)
            .await
            .expect("own");
        assert_eq!(view.case.state, State::Granted);
        town.work().await;
        let papers = town.workflow.inner.papers.on_shelf();
        let made: Vec<&str> = papers.iter().map(|paper| paper.template.as_str()).collect();
        assert_eq!(made, ["receipt", "resolution-granted"]);
        assert_eq!(papers[1].number.as_deref(), Some("RG-000001-2026"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_forgotten_after_a_season() {
    town(MONDAY, |town| async move {
        let rosa = person(ROSA);
        let step = [("holder".to_owned(), "self".to_owned())].into();
        town.workflow
            .save_step(&rosa, PROCEDURE, "holder", &step)
            .await
            .expect("saved");
        town.clock.advance(89 * 86_400);
        assert_eq!(town.workflow.forget_old_drafts().await.expect("turn"), 0);
        town.clock.advance(2 * 86_400);
        assert_eq!(town.workflow.forget_old_drafts().await.expect("turn"), 1);
        assert_eq!(town.workflow.drafts(&rosa).await.expect("mine"), []);
    })
    .await;
}
