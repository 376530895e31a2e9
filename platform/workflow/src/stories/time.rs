//! What the clock does: reception at the opening, silence, lapsed observations, and a machine that was off.

use kernel::Locale;

use super::*;
use crate::DeskFilter;
use crate::case::State;

async fn state_of(town: &Town, receipt: &Receipt) -> State {
    let view = town
        .workflow
        .case_for(&person(ROSA), receipt.case, Locale::Es)
        .await;
    view.expect("own case").case.state
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cargo_comes_when_the_desk_opens() {
    town("2026-12-07T22:00:00-05:00", |town| async move {
        let receipt = town.file("k1").await;
        // Until midnight it counts for Monday; 8 and 9 December are holidays.
        assert_eq!(receipt.counted_on, at("2026-12-07T00:00:00-05:00"));
        assert_eq!(receipt.deadline, Some(at("2026-12-11T23:59:59-05:00")));
        town.work().await;
        assert_eq!(state_of(&town, &receipt).await, State::Filed);
        town.go_to("2026-12-10T07:59:59-05:00");
        town.work().await;
        assert_eq!(state_of(&town, &receipt).await, State::Filed);
        town.go_to("2026-12-10T08:00:00-05:00");
        town.work().await;
        assert_eq!(state_of(&town, &receipt).await, State::Received);
        let cargo = town
            .workflow
            .receipt(&person(ROSA), receipt.case)
            .await
            .expect("own");
        assert_eq!(cargo.received_at, Some(at("2026-12-10T08:00:00-05:00")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_grants_by_itself_and_issues_its_paper() {
    town(MONDAY, |town| async move {
        let receipt = town.file("k1").await;
        town.work().await;
        town.go_to("2026-12-02T23:59:59-05:00");
        assert_eq!(town.workflow.let_silence_speak().await.expect("turn"), 0);
        let desk = town
            .workflow
            .desk(&marco(), &DeskFilter::default())
            .await
            .expect("desk");
        assert_eq!((desk.counts.late, desk.rows[0].days_left), (1, Some(-5)));
        town.go_to("2026-12-03T00:00:00-05:00");
        assert_eq!(town.workflow.let_silence_speak().await.expect("turn"), 1);
        assert_eq!(
            town.workflow.let_silence_speak().await.expect("turn"),
            0,
            "once"
        );
        assert_eq!(state_of(&town, &receipt).await, State::GrantedBySilence);
        let late = town
            .workflow
            .decide(&gladys(), receipt.case, super::official::grant())
            .await;
        assert_eq!(late.expect_err("too late").key, "fault-workflow-ended");
        town.work().await;
        let papers = town.workflow.inner.papers.on_shelf();
        let paper = papers
            .iter()
            .find(|paper| paper.template == "silence")
            .expect("made");
        assert_eq!(
            (paper.number.as_deref(), &paper.signer),
            (Some("SAP-000001-2026"), &None)
        );
        let text: String = paper
            .blocks
            .iter()
            .map(|block| block.text.as_str())
            .collect();
        assert!(
            text.contains("25 de noviembre de 2026") && text.contains("3 de diciembre de 2026"),
            "{text}"
        );
        let trail = town.trail(&receipt).await;
        assert!(trail.ends_with(&[
            "case.granted-by-silence".to_owned(),
            "case.issued".to_owned()
        ]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_after_silence_is_refused_even_before_the_timer_ran() {
    town(MONDAY, |town| async move {
        let receipt = town.file("k1").await;
        town.work().await;
        town.go_to("2026-12-03T00:00:00-05:00");
        let late = town
            .workflow
            .decide(&gladys(), receipt.case, super::official::grant())
            .await;
        assert_eq!(late.expect_err("too late").key, "fault-workflow-too-late");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filing_that_nobody_received_is_granted_too() {
    town(MONDAY, |town| async move {
        let receipt = town.file("k1").await;
        // The machine was off for two weeks: no job ran, no timer fired.
        town.go_to("2026-12-14T10:00:00-05:00");
        assert_eq!(town.workflow.let_silence_speak().await.expect("turn"), 1);
        assert_eq!(state_of(&town, &receipt).await, State::GrantedBySilence);
        town.work().await;
        let view = town
            .workflow
            .case_for(&person(ROSA), receipt.case, Locale::Es)
            .await
            .expect("own");
        assert_eq!(
            view.case.received_at, None,
            "the cargo does not come after the end"
        );
        assert!(
            view.facts.iter().all(|fact| fact.verified().is_some()),
            "facts come all the same"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn not_cured_is_not_presented() {
    town(MONDAY, |town| async move {
        let receipt = town.file("k1").await;
        town.work().await;
        town.workflow
            .observe(&marco(), receipt.case, "Falta el croquis.")
            .await
            .expect("observed");
        town.go_to("2026-11-25T23:59:59-05:00");
        assert_eq!(town.workflow.let_silence_speak().await.expect("turn"), 0);
        town.go_to("2026-11-26T00:00:00-05:00");
        assert_eq!(town.workflow.let_silence_speak().await.expect("turn"), 1);
        assert_eq!(state_of(&town, &receipt).await, State::NotPresented);
        let late = town
            .workflow
            .cure(&person(ROSA), receipt.case, crate::Cure::default())
            .await;
        assert!(late.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_taken_back_asks_nobody_and_waits_for_nothing() {
    town(MONDAY, |town| async move {
        town.registries.set("persona", Mood::Away);
        let receipt = town.file("k1").await;
        town.work().await;
        town.workflow
            .withdraw(&person(ROSA), receipt.case)
            .await
            .expect("own case");
        let asked = town.registries.asked().len();
        town.go_to("2026-12-14T10:00:00-05:00");
        town.work().await;
        assert_eq!(town.workflow.let_silence_speak().await.expect("turn"), 0);
        assert_eq!(town.registries.asked().len(), asked);
        assert_eq!(state_of(&town, &receipt).await, State::Withdrawn);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_verified_by_anybody_without_names() {
    town(MONDAY, |town| async move {
        let receipt = town.file("k1").await;
        let typed = receipt.code.to_lowercase().replace('-', " ");
        let (public, state, _) = town.workflow.verify_receipt(&typed).await.expect("there");
        assert_eq!((public.number, state), (receipt.number, State::Filed));
        assert!(
            town.workflow
                .verify_receipt("0000-0000-0000")
                .await
                .is_err()
        );
        assert!(town.workflow.verify_receipt("' OR 1=1 --").await.is_err());
    })
    .await;
}
