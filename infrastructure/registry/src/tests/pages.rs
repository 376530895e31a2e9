//! Addresses: who may see what, sealed answers for machines, and the pages' way through an approval.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, StatusCode, header};
use kernel::Actor;
use store::testing::both_at;
use web::testing::Tester;

use super::{Applicant, Country, clock, official};
use crate::apply::Receipt;
use crate::domain::sealed;
use crate::join::Card;

fn browser(country: &Country, actor: Option<Actor>) -> Tester {
    let actor_of: web::outer::ActorOf = Arc::new(move |_| {
        let actor = actor.clone();
        Box::pin(async move { Ok(actor) })
    });
    let tester = Tester::with(&[country.register.room()], country.clock.clone(), actor_of);
    tester.cookie("prueba-session", "test-session");
    tester
}

#[tokio::test]
async fn nobody_but_an_official_with_the_right_comes_to_the_desk() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let mut clerk = official();
        clerk.role = kernel::Role::Official {
            post: "mesa".to_owned(),
            rights: vec!["case.read".to_owned()],
        };
        let room = country.register.room();
        for address in room.routes.table() {
            // Machines sign what they send, and programs have tokens (see `api`).
            let open = address.path.starts_with("/registry/v1/")
                || address.path.starts_with("/registry/api/")
                || address.path == "/join"
                || address.method == "GET" && address.path.starts_with("/registry/members");
            let right = address.audience == web::Audience::Right(crate::MANAGE);
            assert_eq!(right, !open, "{} {}", address.method, address.path);
        }
        let denied = browser(&country, Some(clerk)).get("/registry").await;
        assert_eq!(denied.status, StatusCode::FORBIDDEN);
        assert_eq!(
            browser(&country, None)
                .get("/registry/members")
                .await
                .status,
            StatusCode::OK
        );
    })
    .await;
}

#[tokio::test]
async fn machines_get_sealed_answers_to_their_own_question() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let tester = browser(&country, None);
        let (pin, nonce) = (country.register.pin(), "q".repeat(32));
        let got = tester
            .get(&format!("/registry/v1/card?nonce={nonce}"))
            .await;
        let card: Card = sealed::open(&got.text, &pin, &nonce).expect("sealed");
        assert_eq!(
            (card.instance.as_str(), card.pins.witness_key.as_str()),
            ("PE", "w")
        );
        assert!(sealed::open::<Card>(&got.text, &pin, &"r".repeat(32)).is_err());
        assert_eq!(
            tester.get("/registry/v1/card?nonce=x").await.status,
            StatusCode::BAD_REQUEST
        );

        let envelope = Applicant::new("20131312955").join(&country, &country.link().await);
        let body = serde_json::to_vec(&envelope).expect("JSON");
        let place = format!("/registry/v1/applications?nonce={nonce}");
        let got = tester
            .post_raw(&place, "application/json", body.clone())
            .await;
        let receipt: Receipt = sealed::open(&got.text, &pin, &nonce).expect("sealed");
        let place = format!("/registry/v1/applications/{}?nonce={nonce}", receipt.number);
        let got = tester.get(&place).await;
        assert_eq!(
            sealed::open::<Receipt>(&got.text, &pin, &nonce),
            Ok(receipt)
        );

        let mut last = StatusCode::OK;
        for _ in 0..40 {
            let place = format!("/registry/v1/applications?nonce={nonce}");
            last = tester
                .post_raw(&place, "application/json", "{}")
                .await
                .status;
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    })
    .await;
}

#[tokio::test]
async fn an_official_compares_and_approves_on_the_page() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let envelope = Applicant::new("20131312955").join(&country, &country.link().await);
        let receipt = country.send(&envelope).await.expect("received");
        let tester = browser(&country, Some(official()));
        let desk = tester.get("/registry").await;
        assert!(desk.text.contains(&receipt.fingerprint) && desk.text.contains("Una entidad"));
        let place = format!("/registry/applications/{}", receipt.number);
        let shown = tester.get(&place).await;
        assert!(shown.text.contains(&receipt.fingerprint));
        let hasty = tester.post(&place, &[("decision", "approve")]).await;
        assert_eq!(hasty.status, StatusCode::BAD_REQUEST);
        let done = tester
            .post(&place, &[("decision", "approve"), ("compared", "yes")])
            .await;
        assert_eq!(
            (done.status, done.location()),
            (StatusCode::SEE_OTHER, place.as_str())
        );

        let json = Request::get("/registry/members").header(header::ACCEPT, "application/json");
        let members = tester.send(json, Body::empty()).await;
        let members: serde_json::Value = serde_json::from_str(&members.text).expect("JSON");
        assert_eq!(members["members"][0]["id"], "PE/GOB/20131312955");
        let member = tester.get("/registry/members/GOB/20131312955").await;
        assert!(member.text.contains("registry/members/GOB/20131312955"));
        let public = browser(&country, None)
            .get("/registry/members/GOB/20131312955")
            .await;
        assert!(public.text.contains("Una entidad") && !public.text.contains("<textarea"));
    })
    .await;
}

#[tokio::test]
async fn every_page_of_the_desk_shows_in_three_languages() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        country.joined("20131312955").await;
        let by = official();
        country
            .register
            .put_group(&by, "todos", "Todos")
            .await
            .expect("a group");
        let link = country.link().await;
        let tester = browser(&country, Some(official()));
        for language in ["es", "qu", "en"] {
            for place in [
                "/registry".to_owned(),
                "/registry/groups".to_owned(),
                "/registry/services".to_owned(),
                "/registry/settings".to_owned(),
                "/registry/members".to_owned(),
                "/registry/members/GOB/20131312955".to_owned(),
                format!("/registry/links/{}", link.id),
                "/join".to_owned(),
            ] {
                let page = tester.get(&format!("{place}?lang={language}")).await;
                let page = match page.status.is_redirection() {
                    true => tester.get(&place).await,
                    false => page,
                };
                assert_eq!(page.status, StatusCode::OK, "{place} {language}");
                assert!(
                    !page.text.contains("registry-"),
                    "{place} {language}: a key without text"
                );
            }
        }
        let shown = tester.get(&format!("/registry/links/{}", link.id)).await;
        assert!(shown.text.contains(&link.to_string()));
        let list = tester.get("/registry").await;
        assert!(
            !list.text.contains(&link.to_string()),
            "the secret stands on the link's own page only"
        );
    })
    .await;
}
