//! The authority over its life: founded, restarted, asked over HTTP, renewed.

use kernel::{SeededChance, SetClock};
use web::testing::{TEST_START, Tester};

use super::*;
use crate::keys::{Cost, Passphrase};
use crate::ocsp::Check;
use crate::sigalg::Hash;

struct Setting {
    store: Store,
    folder: tempfile::TempDir,
    clock: Arc<SetClock>,
}

impl Setting {
    async fn new(store: Store) -> Self {
        store
            .migrate(&[("trust-authority", sql::MIGRATIONS)])
            .await
            .unwrap();
        let clock = Arc::new(SetClock::at(TEST_START));
        Self {
            store,
            folder: tempfile::tempdir().unwrap(),
            clock,
        }
    }

    async fn open(&self) -> Authority {
        let pass = Passphrase::new("prueba");
        let keys = KeyStore::open_with(self.folder.path(), &pass, Cost::light()).unwrap();
        let founding = Founding {
            country: "PE".into(),
            body: "Autoridad de prueba".into(),
            base_url: "http://ca.example".into(),
            policy: POLICY_DEFAULT,
        };
        let (clock, chance) = (self.clock.clone(), Arc::new(SeededChance::new(50)));
        Authority::open(self.store.clone(), keys, founding, clock, chance)
            .await
            .unwrap()
    }
}

async fn signing_certificate(authority: &Authority) -> Certificate {
    let key = Proven::held(&Signer::ephemeral("x", Algorithm::P256).unwrap());
    let name = Name::of_body("PE", "Municipalidad de Ccapi", "x").unwrap();
    authority
        .issue(&Profile::Sign, &name, &key, 100 * DAY)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_was_issued_and_revoked_is_known_after_a_restart() {
    store::testing::both(|store| async move {
        let setting = Setting::new(store).await;
        let authority = setting.open().await;
        let certificate = signing_certificate(&authority).await;
        setting.clock.advance(1);
        let again = setting.open().await;
        assert_eq!(again.certificate(), authority.certificate());
        assert_eq!(again.unit_certificate(), authority.unit_certificate());
        assert_eq!(
            again.responder_certificate(),
            authority.responder_certificate()
        );
        let now = setting.clock.now();
        let root = again.certificate();
        let verdict = |response: Vec<u8>| {
            ocsp::verify(&response, &certificate, root, &Check::at(now)).unwrap()
        };
        verdict(again.staple(&certificate).await.unwrap())
            .good()
            .unwrap();
        let serial = certificate.serial_hex();
        again.revoke(&serial, Reason::KeyCompromise).await.unwrap();
        setting.clock.advance(1);
        again.revoke(&serial, Reason::Superseded).await.unwrap();
        let said = verdict(setting.open().await.staple(&certificate).await.unwrap());
        assert!(matches!(
            said,
            ocsp::Verdict::Revoked { at, reason: Reason::KeyCompromise }
                if at.seconds() == now.seconds()
        ));
        let unknown = again.revoke("abcd", Reason::Unspecified).await;
        assert!(matches!(unknown, Err(AuthorityError::NotIssued)));
        let ending = again.ending_within(101 * DAY).await.unwrap();
        assert_eq!(
            ending.len(),
            2,
            "the responder's and the one issued: {ending:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn units_are_renewed_before_they_end_and_old_tokens_stay_valid() {
    store::testing::both(|store| async move {
        let setting = Setting::new(store).await;
        let authority = setting.open().await;
        let request = tsp::Request::over(b"x", Hash::Sha512, &SeededChance::new(51));
        let old = request.check(
            &authority.stamp(&request.to_der()).unwrap(),
            &authority.anchors(),
        );
        let token = old.unwrap().token().to_vec();
        let (responder, unit) = (
            authority.responder_certificate(),
            authority.unit_certificate(),
        );
        setting.clock.advance(RESPONDER_SECONDS - RENEW_SECONDS - 1);
        authority.renew().await.unwrap();
        assert_eq!(authority.responder_certificate(), responder, "not yet");
        setting.clock.advance(1);
        authority.renew().await.unwrap();
        assert_ne!(authority.responder_certificate().spki(), responder.spki());
        assert_eq!(authority.unit_certificate(), unit);
        setting.clock.advance(UNIT_SECONDS);
        authority.renew().await.unwrap();
        assert_ne!(authority.unit_certificate().spki(), unit.spki());
        let imprint = |hash: Hash| hash.digest(b"x");
        let stamped = tsp::verify_token(&token, imprint, &authority.anchors(), &[]).unwrap();
        assert_eq!(stamped.at().seconds(), TEST_START.seconds());
    })
    .await;
}

#[tokio::test]
async fn everybody_may_ask_over_http() {
    store::testing::both(|store| async move {
        let setting = Setting::new(store).await;
        let authority = setting.open().await;
        let certificate = signing_certificate(&authority).await;
        let tester = Tester::new(&[crate::http::room(authority.clone())]);
        let got = tester.get("/ca.crt").await;
        assert_eq!(
            &Certificate::from_der(&got.bytes).unwrap(),
            authority.certificate()
        );
        let got = tester.get("/ca.pem").await;
        assert_eq!(
            &Certificate::from_pem(&got.text).unwrap(),
            authority.certificate()
        );

        let chance = SeededChance::new(52);
        let (request, nonce) = ocsp::request(&[&certificate], authority.certificate(), &chance);
        let check = Check {
            nonce: Some(&nonce),
            ..Check::at(setting.clock.now())
        };
        let root = authority.certificate();
        let is_good = |bytes: &[u8]| {
            ocsp::verify(bytes, &certificate, root, &check)
                .and_then(ocsp::Verdict::good)
                .is_ok()
        };
        let got = tester
            .post_raw("/ocsp", "application/ocsp-request", request.clone())
            .await;
        assert!(is_good(&got.bytes));
        assert_eq!(got.headers["content-type"], "application/ocsp-response");
        let encoded = data_encoding::BASE64
            .encode(&request)
            .replace('+', "%2B")
            .replace('/', "%2F");
        assert!(is_good(
            &tester.get(&format!("/ocsp/{encoded}")).await.bytes
        ));
        let got = tester
            .post_raw("/ocsp", "application/ocsp-request", b"x".to_vec())
            .await;
        assert_eq!(got.bytes, ocsp::failure(ocsp::Failure::Malformed));
        let large = vec![0; ocsp::REQUEST_BYTES_MAX + 1];
        let got = tester
            .post_raw("/ocsp", "application/ocsp-request", large)
            .await;
        assert_eq!(got.status, 413);
        let other = crate::testing::root();
        let (request, _) = ocsp::request(&[&certificate], other.certificate(), &chance);
        let got = tester
            .post_raw("/ocsp", "application/ocsp-request", request)
            .await;
        assert_eq!(got.bytes, ocsp::failure(ocsp::Failure::Unauthorised));

        let request = tsp::Request::over(b"x", Hash::Sha256, &chance);
        let got = tester
            .post_raw("/tsa", "application/timestamp-query", request.to_der())
            .await;
        request.check(&got.bytes, &authority.anchors()).unwrap();
        assert_eq!(got.headers["content-type"], "application/timestamp-reply");
    })
    .await;
}
