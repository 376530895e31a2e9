//! The register as a whole, on both engines: a small authority in a folder, applicants with their own keys, and attacks.

mod api;
mod attacks;
mod foreign;
mod pages;
mod stories;

use std::sync::Arc;

use kernel::{Actor, Assurance, MemberId, Role, ServerId, SetClock, SystemChance};
use store::Store;
use store::testing::Folder;
use trust::authority::Founding as TrustFounding;
use trust::keys::{Algorithm, Cost, KeyStore, Passphrase};
use trust::log::{Log, LogSettings, NoteKey, PseudonymSecret, SignatureKind, Witness};
use trust::{Signer, tsp};
use web::testing::TEST_START;

use crate::apply::log_origin;
use crate::domain::Link;
use crate::join::{Authority, OwnKeys};
use crate::{Application, Envelope, Founding, Parts, Pins, Register, Wish};

/// An authority for tests.
pub struct Country {
    pub register: Register,
    pub trust: trust::Authority,
    pub log: Log,
    pub clock: Arc<SetClock>,
    _folder: Folder,
}

/// A body that wants to join.
pub struct Applicant {
    pub server: ServerId,
    pub auth: Signer,
    pub sign: Signer,
    pub seal: Signer,
    pub log: NoteKey,
}

pub fn clock() -> Arc<SetClock> {
    Arc::new(SetClock::at(TEST_START))
}

pub fn official() -> Actor {
    Actor {
        account: "A1".to_owned(),
        subject: "1".to_owned(),
        name: "Rosa".to_owned(),
        role: Role::Official {
            post: "registro".to_owned(),
            rights: vec![crate::MANAGE.to_owned()],
        },
        assurance: Assurance::High,
    }
}

pub fn note_key(name: &str, kind: SignatureKind) -> NoteKey {
    let signer = Signer::ephemeral("note", Algorithm::Ed25519).expect("a key");
    NoteKey::from_signer(name, kind, signer).expect("a note key")
}

impl Country {
    pub async fn new(store: Store, clock: Arc<SetClock>) -> Self {
        let rooms = [
            ("trust-authority", trust::http::MIGRATIONS),
            ("log", trust::log::MIGRATIONS),
            ("registry", crate::MIGRATIONS),
        ];
        store.migrate(&rooms).await.expect("tables");
        let folder = Folder::new();
        let passphrase = Passphrase::new("x".repeat(30));
        let keys = KeyStore::open_with(&folder.path().join("keys"), &passphrase, Cost::light());
        let founding = TrustFounding {
            country: "PE".to_owned(),
            body: "Autoridad".to_owned(),
            base_url: "http://127.0.0.1:1".to_owned(),
            policy: tsp::POLICY_DEFAULT,
        };
        let chance = Arc::new(SystemChance::default());
        let trust = trust::Authority::open(
            store.clone(),
            keys.expect("keys"),
            founding,
            clock.clone(),
            chance,
        );
        let trust = trust.await.expect("an authority");
        let settings = LogSettings {
            key: note_key("pe.gob.20168999926/log", SignatureKind::Note),
            secret: PseudonymSecret::new(&[4; 32]),
            witness: None,
        };
        let log = Log::open(store.clone(), settings).await.expect("a log");
        let witness = note_key("witness", SignatureKind::Cosignature);
        let register = Register::new(Parts {
            store: store.clone(),
            log: log.clone(),
            trust: trust.clone(),
            witness: Witness::new(store, witness),
            key: note_key("register", SignatureKind::Note),
            founding: Founding {
                owner: MemberId::new("PE", "GOB", "20168999926"),
                name: "Autoridad".to_owned(),
                url: "http://127.0.0.1:8070".to_owned(),
                services: "http://127.0.0.1:8070".to_owned(),
                scheme: None,
            },
        });
        register.set_pins(Pins {
            witness_key: "w".to_owned(),
            ..Pins::default()
        });
        Self {
            register,
            trust,
            log,
            clock,
            _folder: folder,
        }
    }

    /// The applicant's side of this authority; nothing is sent by it in these tests.
    pub fn far(&self) -> Authority {
        let chance = Arc::new(SystemChance::default());
        let origin = &self.register.founding().url;
        Authority::new(origin, self.register.pin(), self.clock.clone(), chance)
    }

    pub async fn link(&self) -> Link {
        let made = self.register.make_link(&official(), None).await;
        made.expect("a link")
    }

    /// Hands in an envelope as it would come over the network.
    pub async fn send(&self, envelope: &Envelope) -> Result<crate::apply::Receipt, kernel::Fault> {
        let bytes = serde_json::to_vec(envelope).expect("JSON");
        self.register.receive(&bytes).await
    }

    /// A body that has joined.
    pub async fn joined(&self, code: &str) -> Applicant {
        let body = Applicant::new(code);
        let receipt = self.send(&body.join(self, &self.link().await)).await;
        let number = receipt.expect("received").number.to_string();
        let approved = self.register.approve(&official(), &number).await;
        approved.expect("approved");
        body
    }
}

impl Applicant {
    pub fn new(code: &str) -> Self {
        let key = |label: &str| Signer::ephemeral(label, Algorithm::P256).expect("a key");
        let member = MemberId::new("PE", "GOB", code);
        Self {
            log: note_key(&log_origin(&member), SignatureKind::Note),
            server: member.server("SS1"),
            auth: key("auth"),
            sign: key("sign"),
            seal: key("seal"),
        }
    }

    pub fn keys(&self) -> OwnKeys<'_> {
        OwnKeys {
            auth: &self.auth,
            sign: &self.sign,
            seal: &self.seal,
        }
    }

    pub fn application(&self, country: &Country, link: &Link) -> Application {
        let address = format!("{}:5500", self.server.owner.code);
        let requests = self.keys().requests("Una entidad", &self.server, &address);
        let wish = Wish::Join {
            link: link.id.clone(),
            name: "Una entidad".to_owned(),
            subsystems: vec!["TRAMITES".to_owned()],
            address,
            requests: requests.expect("requests"),
            log: self.log.verifier().to_string(),
        };
        country.far().application(&self.server, wish)
    }

    pub fn join(&self, country: &Country, link: &Link) -> Envelope {
        self.signed(&self.application(country, link), link)
    }

    pub fn signed(&self, application: &Application, link: &Link) -> Envelope {
        let signers = [&self.sign, &self.auth];
        Envelope::sign(application, &signers, Some(&link.secret)).expect("signed")
    }

    pub fn asks(&self, country: &Country, wish: Wish) -> Envelope {
        let application = country.far().application(&self.server, wish);
        Envelope::sign(&application, &[&self.sign], None).expect("signed")
    }
}
