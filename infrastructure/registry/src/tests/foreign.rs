//! A server of another make is entered by an official, once, with keys of its own.

use kernel::MemberId;
use store::testing::both_at;
use trust::keys::Algorithm;
use trust::name::Name;
use trust::{Signer, ca_request};

use super::{Country, clock, official};
use crate::foreign::Foreign;

fn request(signer: &Signer) -> Vec<u8> {
    let subject = Name::of_body("PE", "Otra", "Otra").expect("a name");
    let der = ca_request::request(&subject, signer).expect("a request");
    ca_request::request_pem(&der).into_bytes()
}

fn foreign(sign: &Signer, auth: &Signer) -> Foreign {
    Foreign {
        server: MemberId::new("PE", "GOB", "20131312955").server("SS1"),
        name: "Una entidad".to_owned(),
        subsystems: vec!["TRAMITES".to_owned()],
        address: "otra.example:5500".to_owned(),
        sign: request(sign),
        auth: request(auth),
    }
}

#[tokio::test]
async fn it_is_published_and_its_keys_are_its_own() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let sign = Signer::ephemeral("sign", Algorithm::Rsa2048).expect("a key");
        let auth = Signer::ephemeral("auth", Algorithm::P256).expect("a key");
        let enter = async |wanted: &Foreign| {
            let by = official();
            country.register.enter_foreign(&by, wanted).await
        };
        let refused = async |wanted: &Foreign| enter(wanted).await.expect_err("refused").key;
        let issued = enter(&foreign(&sign, &auth)).await.expect("entered");
        assert_eq!(issued.sign.spki(), sign.spki_der());
        let signed = issued.auth.verify_signed_by(&issued.authority);
        signed.expect("signed by the authority");
        let mut tx = country.register.read().await.expect("a transaction");
        let model = country.register.model(&mut tx).await.expect("a model");
        drop(tx);
        let (server, hashes, clients) = &model.servers[0];
        let known = (server.address.as_str(), clients.len());
        assert_eq!(known, ("otra.example:5500", 1));
        assert_eq!(*hashes, [issued.auth.der().to_vec()]);
        let logs = country.register.admit_logs().await;
        logs.expect("it has no log, which is no fault");

        let mut other = foreign(&sign, &auth);
        assert_eq!(refused(&other).await, "fault-registry-server-taken");
        other.server.code = "SS2".to_owned();
        assert_eq!(refused(&other).await, "fault-registry-key-used");
        other.auth = b"garbage".to_vec();
        assert_eq!(refused(&other).await, "fault-registry-field");
    })
    .await;
}
