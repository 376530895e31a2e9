//! What an attacker can try with a link, an application, an answer, or somebody's number.

use data_encoding::BASE64;
use kernel::Fault;
use store::testing::both_at;
use trust::log::SignatureKind;

use super::{Applicant, Country, clock, note_key, official};
use crate::domain::sealed;
use crate::links::LINK_SECONDS;
use crate::{Envelope, Pin, Wish};

fn key<T>(result: Result<T, Fault>) -> String {
    match result {
        Ok(_) => "accepted".to_owned(),
        Err(fault) => fault.key.into_owned(),
    }
}

fn with_requests(
    envelope: &Envelope,
    change: impl FnOnce(&mut crate::Requests),
) -> crate::Application {
    let mut application: crate::Application =
        serde_json::from_str(&envelope.application).expect("JSON");
    if let Wish::Join { requests, .. } = &mut application.wish {
        change(requests);
    }
    application
}

#[tokio::test]
async fn a_link_is_good_once_and_for_a_week_and_can_be_revoked() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let (one, two) = (Applicant::new("20131312955"), Applicant::new("20295613620"));
        let link = country.link().await;
        country
            .send(&one.join(&country, &link))
            .await
            .expect("received");
        assert_eq!(
            key(country.send(&two.join(&country, &link)).await),
            "fault-registry-link-used"
        );

        let link = country.link().await;
        country
            .register
            .revoke_link(&official(), &link.id)
            .await
            .expect("revoked");
        assert_eq!(
            key(country.send(&two.join(&country, &link)).await),
            "fault-registry-link-revoked"
        );
        assert_eq!(
            key(country.register.revoke_link(&official(), &link.id).await),
            "fault-registry-link-closed"
        );

        let link = country.link().await;
        country.clock.advance(LINK_SECONDS + 1);
        assert_eq!(
            key(country.send(&two.join(&country, &link)).await),
            "fault-registry-link-over"
        );
    })
    .await;
}

#[tokio::test]
async fn whoever_does_not_know_the_secret_learns_nothing_of_a_link() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let (body, thief) = (Applicant::new("20131312955"), Applicant::new("20295613620"));
        let link = country.link().await;
        let mut guessed = link.clone();
        guessed.secret = vec![0; guessed.secret.len()];
        assert_eq!(
            key(country.send(&thief.join(&country, &guessed)).await),
            "fault-registry-link"
        );
        country
            .register
            .revoke_link(&official(), &link.id)
            .await
            .expect("revoked");
        assert_eq!(
            key(country.send(&thief.join(&country, &guessed)).await),
            "fault-registry-link"
        );
        // A proof that was overheard is of the application it was made for.
        let link = country.link().await;
        let overheard = body.join(&country, &link);
        let mut own = thief.join(&country, &guessed);
        own.proof.clone_from(&overheard.proof);
        assert_eq!(key(country.send(&own).await), "fault-registry-link");
        let text = serde_json::to_string(&overheard).expect("JSON");
        let secret = crate::domain::base32(&link.secret);
        assert!(!text.contains(&secret) && !text.contains(&crate::domain::hex(&link.secret)));
    })
    .await;
}

#[tokio::test]
async fn a_number_that_is_taken_and_a_log_of_another_are_refused() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        country.joined("20131312955").await;
        let thief = Applicant::new("20131312955");
        let link = country.link().await;
        assert_eq!(
            key(country.send(&thief.join(&country, &link)).await),
            "fault-registry-taken"
        );
        // The refusal leaves the link good for its owner.
        let mut other = Applicant::new("20295613620");
        other.log = note_key("pe.gob.20131312955/log", SignatureKind::Note);
        assert_eq!(
            key(country.send(&other.join(&country, &link)).await),
            "fault-registry-field"
        );
        let good = Applicant::new("20295613620");
        country
            .send(&good.join(&country, &link))
            .await
            .expect("received");

        // Two apply under one number before anybody decides: the second can't be approved.
        let (first, second) = (Applicant::new("20267073580"), Applicant::new("20267073580"));
        let mut numbers = Vec::new();
        for body in [&first, &second] {
            let receipt = country
                .send(&body.join(&country, &country.link().await))
                .await;
            numbers.push(receipt.expect("received").number.to_string());
        }
        country
            .register
            .approve(&official(), &numbers[0])
            .await
            .expect("approved");
        assert_eq!(
            key(country.register.approve(&official(), &numbers[1]).await),
            "fault-registry-taken"
        );
    })
    .await;
}

#[tokio::test]
async fn a_request_with_another_key_is_refused() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let (body, thief) = (Applicant::new("20131312955"), Applicant::new("20131312955"));
        let link = country.link().await;
        let envelope = body.join(&country, &link);
        let theirs = thief
            .keys()
            .requests("x", &thief.server, "a:1")
            .expect("requests");

        // The thief's request in the body's application, as somebody in the middle would put it there.
        let mut swapped = envelope.clone();
        let application = with_requests(&envelope, |r| r.auth.clone_from(&theirs.auth));
        swapped.application = serde_json::to_string(&application).expect("JSON");
        assert_eq!(
            key(country.send(&swapped).await),
            "fault-registry-signature"
        );
        // Signed anew by the body: the auth key of the request did not sign.
        let signed = body.signed(&application, &link);
        assert_eq!(key(country.send(&signed).await), "fault-registry-signature");
        // A request that its key did not sign.
        let broken = with_requests(&envelope, |r| {
            let mut der = BASE64.decode(r.seal.as_bytes()).expect("base64");
            let last = der.len() - 1;
            der[last] ^= 1;
            r.seal = BASE64.encode(&der);
        });
        assert_eq!(
            key(country.send(&body.signed(&broken, &link)).await),
            "fault-registry-request"
        );
        // One key for two purposes.
        let same = with_requests(&envelope, |r| r.seal.clone_from(&r.sign.clone()));
        assert_eq!(
            key(country.send(&body.signed(&same, &link)).await),
            "fault-registry-request"
        );
        // Another body's keys.
        let joined = country.joined("20295613620").await;
        let mut borrowed = Applicant::new("20267073580");
        (borrowed.auth, borrowed.sign) = (joined.auth, joined.sign);
        let stolen = borrowed.join(&country, &link);
        assert_eq!(key(country.send(&stolen).await), "fault-registry-key-used");
        country
            .send(&envelope)
            .await
            .expect("the true one is received");
    })
    .await;
}

#[tokio::test]
async fn a_replayed_application_changes_nothing_and_another_authority_refuses_it() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let body = country.joined("20131312955").await;
        let on = |on: bool| Wish::Maintenance {
            on,
            notice: String::new(),
        };
        let begin = body.asks(&country, on(true));
        country.send(&begin).await.expect("received");
        country
            .send(&body.asks(&country, on(false)))
            .await
            .expect("received");
        let before = country.register.version().await.expect("a version");
        country.send(&begin).await.expect("known");
        assert_eq!(country.register.version().await.expect("a version"), before);
        let member = country
            .register
            .member("GOB", "20131312955")
            .await
            .expect("known");
        assert!(
            !member.servers[0].0.maintenance,
            "the replay did not begin it again"
        );

        let mut old = country.far().application(&body.server, on(true));
        old.at = old.at.plus_seconds(-2 * 24 * 3_600);
        let old = Envelope::sign(&old, &[&body.sign], None).expect("signed");
        assert_eq!(key(country.send(&old).await), "fault-registry-clock");

        let mut elsewhere = country.far().application(&body.server, on(true));
        elsewhere.authority = Pin::new([0; 32]).to_string();
        let elsewhere = Envelope::sign(&elsewhere, &[&body.sign], None).expect("signed");
        assert_eq!(
            key(country.send(&elsewhere).await),
            "fault-registry-other-authority"
        );

        // The key for TLS can't ask for anything, and neither can another member's key.
        let wish = country.far().application(&body.server, on(true));
        let by_auth = Envelope::sign(&wish, &[&body.auth], None).expect("signed");
        assert_eq!(
            key(country.send(&by_auth).await),
            "fault-registry-not-member"
        );
        let other = country.joined("20295613620").await;
        let by_other = Envelope::sign(&wish, &[&other.sign], None).expect("signed");
        assert_eq!(
            key(country.send(&by_other).await),
            "fault-registry-not-member"
        );
    })
    .await;
}

#[tokio::test]
async fn huge_and_odd_applications_are_refused_early() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let body = Applicant::new("20131312955");
        let link = country.link().await;
        let envelope = body.join(&country, &link);
        let huge = with_requests(&envelope, |r| r.auth = "A".repeat(40_000));
        assert_eq!(
            key(country.send(&body.signed(&huge, &link)).await),
            "fault-registry-request"
        );
        let larger = with_requests(&envelope, |r| r.auth = "A".repeat(70_000));
        assert_eq!(
            key(country.send(&body.signed(&larger, &link)).await),
            "fault-registry-large"
        );
        assert_eq!(
            key(country.register.receive(b"{}").await),
            "fault-registry-shape"
        );
        let mut many = envelope.clone();
        many.signatures = vec![envelope.signatures[0].clone(); 5];
        assert_eq!(key(country.send(&many).await), "fault-registry-signature");
        let mut odd = body.application(&country, &link);
        odd.server.owner.code = "2013/../1".to_owned();
        assert_eq!(
            key(country.send(&body.signed(&odd, &link)).await),
            "fault-registry-field"
        );
        let mut odd = body.application(&country, &link);
        odd.server.owner.class = "COM".to_owned();
        // Its log has another name then, but the class is looked at first.
        assert_eq!(
            key(country.send(&body.signed(&odd, &link)).await),
            "fault-registry-class"
        );
        country
            .send(&envelope)
            .await
            .expect("the link is still good");
    })
    .await;
}

#[tokio::test]
async fn an_answer_of_another_authority_is_not_believed() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let (pin, thief) = (
            country.register.pin(),
            note_key("register", SignatureKind::Note),
        );
        let nonce = "n".repeat(32);
        let receipt = country
            .send(&Applicant::new("20131312955").join(&country, &country.link().await))
            .await;
        let receipt = receipt.expect("received");
        let text = |key| {
            let sealed = sealed::seal(key, &nonce, &receipt).expect("sealed");
            serde_json::to_string(&sealed).expect("JSON")
        };
        let own = &country.register.inner.parts.key;
        assert_eq!(sealed::open(&text(own), &pin, &nonce), Ok(receipt.clone()));
        let swapped = sealed::open::<crate::apply::Receipt>(&text(&thief), &pin, &nonce);
        assert_eq!(swapped, Err(sealed::BadAnswer::OtherKey));
    })
    .await;
}
