//! A body joins, changes, rests and leaves; every decision is in the log.

use store::testing::both_at;
use trust::Certificate;
use trust::ca::Status;

use super::{Applicant, Country, clock, official};
use crate::admit::Admission;
use crate::join::OwnKeys;
use crate::{Envelope, Wish};

#[tokio::test]
async fn a_body_joins_with_one_approval_and_is_published() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let body = Applicant::new("20131312955");
        let envelope = body.join(&country, &country.link().await);
        let receipt = country.send(&envelope).await.expect("received");
        assert_eq!(receipt.state, "waiting");
        assert_eq!(
            receipt.fingerprint,
            crate::domain::compared(&envelope.digest())
        );
        assert!(receipt.certificates.is_none());
        let before = country.register.version().await.expect("a version");

        let number = receipt.number.to_string();
        country
            .register
            .approve(&official(), &number)
            .await
            .expect("approved");
        let receipt = country.register.standing(&number).await.expect("known");
        assert_eq!(receipt.state, "approved");
        let chains = receipt.certificates.expect("certificates");
        for (purpose, signer) in [
            ("auth", &body.auth),
            ("sign", &body.sign),
            ("seal", &body.seal),
        ] {
            let chain = Certificate::all_from_pem(&chains[purpose]).expect("PEM");
            assert_eq!(chain[0].spki(), signer.spki_der(), "{purpose}");
            assert_eq!(chain[1], *country.trust.certificate());
            chain[0]
                .verify_signed_by(&chain[1])
                .expect("signed by the authority");
        }

        let mut tx = country.register.read().await.expect("a transaction");
        let model = country.register.model(&mut tx).await.expect("a model");
        assert!(model.version > before);
        let (member, subsystems) = &model.members[0];
        assert_eq!(
            (member.name.as_str(), &subsystems[..]),
            ("Una entidad", &["TRAMITES".to_owned()][..])
        );
        let (server, certificates, clients) = &model.servers[0];
        let auth = Certificate::all_from_pem(&chains["auth"]).expect("PEM");
        assert_eq!(server.address, "20131312955:5500");
        assert_eq!(certificates, &[auth[0].der().to_vec()]);
        assert_eq!(clients[0].to_string(), "PE/GOB/20131312955/TRAMITES");
        drop(tx);
        // made, applied, approved: three entries.
        assert_eq!(country.log.place_all().await.expect("placed"), 3);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_tells_why_and_a_withdrawal_ends_it() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let body = Applicant::new("20131312955");
        let receipt = country
            .send(&body.join(&country, &country.link().await))
            .await;
        let number = receipt.expect("received").number.to_string();
        let by = official();
        let empty = country.register.refuse(&by, &number, " ").await;
        assert_eq!(empty.expect_err("no reason").key, "fault-registry-why");
        country
            .register
            .refuse(&by, &number, "Falta el oficio")
            .await
            .expect("refused");
        let told = country.register.standing(&number).await.expect("known");
        assert_eq!(
            (told.state.as_str(), told.why.as_deref()),
            ("refused", Some("Falta el oficio"))
        );
        let late = country.register.approve(&by, &number).await;
        assert_eq!(late.expect_err("decided").key, "fault-registry-decided");

        let receipt = country
            .send(&body.join(&country, &country.link().await))
            .await;
        let number = receipt.expect("received").number.to_string();
        let wish = Wish::Withdrawal {
            number: number.clone(),
        };
        let thief = Applicant::new("20131312955");
        let stolen = country.send(&thief.asks(&country, wish.clone())).await;
        assert_eq!(
            stolen.expect_err("not its own").key,
            "fault-registry-application"
        );
        country
            .send(&body.asks(&country, wish))
            .await
            .expect("withdrawn");
        let told = country.register.standing(&number).await.expect("known");
        assert_eq!(told.state, "withdrawn");
    })
    .await;
}

#[tokio::test]
async fn a_member_asks_for_changes_and_the_rules_decide_which_wait() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let body = country.joined("20131312955").await;
        let by = official();

        let wish = Wish::Address {
            address: "10.0.0.1:5500".to_owned(),
        };
        let receipt = country
            .send(&body.asks(&country, wish))
            .await
            .expect("received");
        assert_eq!(receipt.state, "waiting");
        country
            .register
            .approve(&by, &receipt.number.to_string())
            .await
            .expect("approved");

        let wish = Wish::Maintenance {
            on: true,
            notice: "Hasta el lunes".to_owned(),
        };
        let receipt = country
            .send(&body.asks(&country, wish))
            .await
            .expect("received");
        assert_eq!(receipt.state, "approved");

        country
            .register
            .set_rules(&by, &["subsystem"], "GOB EMP")
            .await
            .expect("set");
        let wish = Wish::Subsystem {
            code: "PAGOS".to_owned(),
        };
        let receipt = country
            .send(&body.asks(&country, wish))
            .await
            .expect("received");
        assert_eq!(receipt.state, "approved");
        let member = country
            .register
            .member("GOB", "20131312955")
            .await
            .expect("known");
        assert_eq!(member.subsystems, ["PAGOS", "TRAMITES"]);
        let (server, _, _) = &member.servers[0];
        assert_eq!(
            (server.address.as_str(), server.notice.as_str()),
            ("10.0.0.1:5500", "Hasta el lunes")
        );
        assert!(server.maintenance);
    })
    .await;
}

#[tokio::test]
async fn certificates_are_renewed_with_the_old_key_and_the_old_one_goes_on() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let body = country.joined("20131312955").await;
        let fresh = Applicant::new("20131312955");
        let keys = OwnKeys {
            auth: &fresh.auth,
            sign: &fresh.sign,
            seal: &fresh.seal,
        };
        let requests = keys
            .requests("Una entidad", &body.server, "a:1")
            .expect("requests");
        let wish = Wish::Certificates { requests };
        // Signed with the new key alone, nobody knows it.
        let alone = country.send(&fresh.asks(&country, wish.clone())).await;
        assert_eq!(alone.expect_err("unknown").key, "fault-registry-not-member");
        let receipt = country
            .send(&body.asks(&country, wish))
            .await
            .expect("received");
        assert_eq!(receipt.state, "approved");
        let chains = receipt.certificates.expect("certificates");
        let chain = Certificate::all_from_pem(&chains["sign"]).expect("PEM");
        assert_eq!(chain[0].spki(), fresh.sign.spki_der());
        let mut tx = country.register.read().await.expect("a transaction");
        let model = country.register.model(&mut tx).await.expect("a model");
        assert_eq!(
            model.servers[0].1.len(),
            2,
            "both connection certificates are published"
        );
    })
    .await;
}

#[tokio::test]
async fn a_revoked_member_is_gone_at_once_and_its_certificates_with_it() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let body = country.joined("20131312955").await;
        let by = official();
        let owner = body.server.owner.clone();
        country
            .register
            .put_group(&by, "todos", "Todos")
            .await
            .expect("a group");
        let subsystem = owner.subsystem("TRAMITES");
        country
            .register
            .join_group(&by, "todos", &subsystem)
            .await
            .expect("joined");
        let before = country
            .register
            .member("GOB", &owner.code)
            .await
            .expect("known");
        country
            .register
            .revoke_member(&by, &owner, "Se fusionó")
            .await
            .expect("revoked");

        let mut tx = country.register.read().await.expect("a transaction");
        let model = country.register.model(&mut tx).await.expect("a model");
        assert!(model.members.is_empty() && model.servers.is_empty());
        assert!(model.groups[0].members.is_empty());
        drop(tx);
        for certificate in &before.servers[0].2 {
            let status = country.trust.status(&certificate.serial).await;
            let status = status.expect("on record");
            assert!(
                matches!(status, Status::Revoked { .. }),
                "{}",
                certificate.purpose
            );
        }
        // Its number stays taken; a link for it brings it back, with new keys only.
        let stranger = Applicant::new("20131312955");
        let again = country
            .send(&stranger.join(&country, &country.link().await))
            .await;
        assert_eq!(again.expect_err("taken").key, "fault-registry-taken");
        let link = country
            .register
            .make_link(&by, Some(&owner))
            .await
            .expect("a link");
        let old = country.send(&body.join(&country, &link)).await;
        assert_eq!(
            old.expect_err("revoked keys").key,
            "fault-registry-key-used"
        );
        let receipt = country
            .send(&stranger.join(&country, &link))
            .await
            .expect("received");
        country
            .register
            .approve(&by, &receipt.number.to_string())
            .await
            .expect("approved");
        assert!(
            country
                .register
                .member("GOB", &owner.code)
                .await
                .expect("known")
                .row
                .active
        );

        let ours = country.register.founding().owner.clone();
        let refused = country.register.revoke_member(&by, &ours, "x").await;
        assert_eq!(
            refused.expect_err("ourselves").key,
            "fault-registry-ourselves"
        );
    })
    .await;
}

#[tokio::test]
async fn admitting_twice_changes_nothing_and_a_revoked_body_is_not_admitted() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let body = Applicant::new("20131312955");
        let by = kernel::Actor::system("init");
        let mut admission = Admission {
            server: body.server.clone(),
            name: "Una entidad".to_owned(),
            subsystems: vec!["A".to_owned()],
            address: "127.0.0.1:5500".to_owned(),
            log: body.log.verifier().clone(),
            certificates: Vec::new(),
        };
        country
            .register
            .admit(&by, &admission)
            .await
            .expect("admitted");
        let first = country.register.version().await.expect("a version");
        country
            .register
            .admit(&by, &admission)
            .await
            .expect("admitted");
        assert_eq!(country.register.version().await.expect("a version"), first);
        admission.address = "127.0.0.1:5501".to_owned();
        country
            .register
            .admit(&by, &admission)
            .await
            .expect("admitted");
        assert!(country.register.version().await.expect("a version") > first);
        let owner = &body.server.owner;
        country
            .register
            .revoke_member(&official(), owner, "x")
            .await
            .expect("revoked");
        country
            .register
            .admit(&by, &admission)
            .await
            .expect("left alone");
        assert!(
            !country
                .register
                .member("GOB", &owner.code)
                .await
                .expect("known")
                .row
                .active
        );
    })
    .await;
}

#[tokio::test]
async fn foreign_services_are_approved_and_retired() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let by = official();
        let (ca, tsa) = (
            country.trust.certificate().pem(),
            country.trust.unit_certificate().pem(),
        );
        let register = &country.register;
        let named = ("TSA del Estado", "http://tsa.example/");
        register
            .approve_service(&by, ("tsa", ""), named, &tsa)
            .await
            .expect("approved");
        let wrong = register.approve_service(&by, ("tsa", ""), named, &ca).await;
        assert_eq!(
            wrong.expect_err("no time stamper").key,
            "fault-registry-field"
        );
        let wrong = register
            .approve_service(&by, ("ca", "fi"), named, &tsa)
            .await;
        assert_eq!(wrong.expect_err("no authority").key, "fault-registry-field");
        register
            .approve_service(&by, ("ca", "fi"), ("CA", "http://ca.example/ocsp"), &ca)
            .await
            .expect("approved");
        let services = register.services().await.expect("services");
        assert_eq!(services.len(), 2);
        register
            .retire_service(&by, &services[0].id.to_string())
            .await
            .expect("retired");
        assert_eq!(register.services().await.expect("services").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_same_envelope_is_one_application() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let body = Applicant::new("20131312955");
        let envelope: Envelope = body.join(&country, &country.link().await);
        let first = country.send(&envelope).await.expect("received");
        // The answer was lost, the line is back a week later: the number is the same.
        country.clock.advance(8 * 24 * 3_600);
        assert_eq!(
            country.send(&envelope).await.expect("received again"),
            first
        );
    })
    .await;
}
