//! A small country for tests: an authority with CA, OCSP, time stamps and directory, and bodies with nodes of their own.
//!
//! Read by this crate's tests and by the storms of `town`; nothing that serves a real body uses it. Whatever can't be set
//! up stops the test.
#![expect(
    clippy::unwrap_used,
    reason = "a test country that can't be set up must stop the test"
)]

pub mod history;

use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kernel::{
    Chance, Clock, MemberId, Moment, SeededChance, ServiceId, SetClock, SubsystemId, SystemClock,
};
use store::Store;
use tokio::net::TcpListener;
use trust::Certificate;
use trust::ca::{Ca, DAY, Profile, Proven, Reason, Revocations};
use trust::globalconf::write::{Edition, Published, publish};
use trust::globalconf::{
    Anchor, AnchorSource, Authority, Issuer, Management, Member, Party, PrivateParams,
    Responder as Ocsp, Server, SharedParams, Source, Stamper, Subsystem, VerificationKey, Version,
};
use trust::keys::{Algorithm, Signer};
use trust::log::note::{NoteKey, SignatureKind, VerifierKey};
use trust::log::{Log, LogSettings, PseudonymSecret};
use trust::name::Name;
use trust::ocsp::{Question, Responder};
use trust::tsp::{POLICY_DEFAULT, Tsa};
use web::metrics::Metrics;

use crate::settings::{Authentication, SystemAccess};
use crate::wire::{Network, Seat};
use crate::{Agreement, Derived, Exchange, FactSource, Keys, Parts, Serving, Settings};

/// The purpose of most questions.
pub const PURPOSE: &str = "licencia-funcionamiento";

/// The member with this code.
pub fn member(code: &str) -> MemberId {
    MemberId::new("PE", "GOB", code)
}

/// The subsystem that asks.
pub fn asking() -> SubsystemId {
    member("MUNI").subsystem("licencias")
}

/// The service that is asked.
pub fn persons() -> ServiceId {
    member("RENIEC").subsystem("registro").service("personas")
}

/// The authority's side, shared with its HTTP listener.
struct Office {
    clock: Arc<SetClock>,
    chance: SeededChance,
    responder: Responder,
    revocations: Mutex<Revocations>,
    tsa: Tsa,
    away: Mutex<bool>,
    published: Mutex<Published>,
}

/// An authority with everything that an instance needs of it.
pub struct Country {
    /// The clock of everybody.
    pub clock: Arc<SetClock>,
    ca: Ca,
    office: Arc<Office>,
    signer: Mutex<(Signer, VerificationKey)>,
    first: VerificationKey,
    url: String,
    directory: Mutex<SharedParams>,
    algorithm: Mutex<Algorithm>,
}

/// A body with its exchange.
pub struct Node {
    /// The exchange.
    pub exchange: Exchange,
    /// The member.
    pub member: MemberId,
    /// Where its listener is.
    pub address: std::net::SocketAddr,
    /// Its keys.
    pub keys: Keys,
    /// Its listener, if it has one.
    pub serving: Option<Serving>,
}

impl Node {
    /// What a restart of this node builds its exchange from: the same store, keys and log.
    pub fn parts(&self) -> Parts {
        Parts {
            settings: self.exchange.settings().clone(),
            store: self.exchange.inner.store.clone(),
            keys: self.keys.clone(),
            log: self.exchange.inner.log.clone(),
            metrics: Metrics::new(),
        }
    }

    /// Ends the node without any farewell and starts it on the same store and address.
    ///
    /// # Panics
    /// If its address is taken meanwhile.
    pub async fn restart(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.stop().await;
        }
        self.exchange = Exchange::new(self.parts()).await.unwrap();
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serving = Some(self.exchange.serve(listener));
    }
}

/// A clock that stands at the present second.
pub fn clock() -> Arc<SetClock> {
    Arc::new(SetClock::at(Moment::from_seconds(
        SystemClock.now().seconds(),
    )))
}

fn note_key(name: &str, seed: u8) -> NoteKey {
    let pair = Arc::new(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap());
    let public = pair.public_key().as_ref().try_into().unwrap();
    let verifier = VerifierKey::new(name, SignatureKind::Note, public).unwrap();
    NoteKey::new(
        verifier,
        Arc::new(move |data| Some(pair.sign(data).as_ref().to_vec())),
    )
}

impl Country {
    /// A country without bodies.
    pub async fn new(clock: Arc<SetClock>) -> Self {
        let chance = SeededChance::new(7);
        let root = Signer::ephemeral("root", Algorithm::P256).unwrap();
        let name = |common| Name::of_body("PE", "Autoridad de prueba", common).unwrap();
        let ca = Ca::new_root(&name("Raíz"), root.clone(), 3650 * DAY, &*clock, &chance).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ca = ca.with_ocsp_url(&format!("{url}/ocsp"));
        let stamper = Signer::ephemeral("tsa", Algorithm::P256).unwrap();
        let held = Proven::held(&stamper);
        let stamp = ca
            .issue(
                &Profile::TimeStamp,
                &name("TSA"),
                &held,
                365 * DAY,
                &*clock,
                &chance,
            )
            .unwrap();
        let office = Arc::new(Office {
            clock: clock.clone(),
            chance: SeededChance::new(8),
            responder: Responder::new(ca.certificate().clone(), root, ca.certificate().clone())
                .unwrap(),
            revocations: Mutex::default(),
            tsa: Tsa::new(stamper, vec![stamp.clone()], POLICY_DEFAULT).unwrap(),
            away: Mutex::new(false),
            published: Mutex::default(),
        });
        tokio::spawn(serve_office(listener, office.clone()));
        let signer = Signer::ephemeral("configuration", Algorithm::P256).unwrap();
        let own = name("Configuración");
        let own = Ca::new_root(&own, signer.clone(), 3650 * DAY, &*clock, &chance).unwrap();
        let key = VerificationKey::of(own.certificate());
        let top = Issuer {
            certificate: ca.certificate().clone(),
            responders: vec![Ocsp {
                url: format!("{url}/ocsp"),
                certificate: None,
                cost: None,
            }],
        };
        let basic = trust::globalconf::Profile::Basic;
        let directory = SharedParams {
            sources: vec![Source {
                address: url.trim_start_matches("http://").to_owned(),
                internal: vec![key.clone()],
                external: vec![key.clone()],
            }],
            authorities: vec![Authority::new("Raíz", top, basic)],
            stampers: vec![Stamper {
                name: "TSA".into(),
                url: format!("{url}/tsa"),
                certificate: stamp,
                cost: None,
            }],
            ..SharedParams::new("PE")
        };
        Self {
            clock,
            ca,
            office,
            signer: Mutex::new((signer, key.clone())),
            first: key,
            url,
            directory: Mutex::new(directory),
            algorithm: Mutex::new(Algorithm::P256),
        }
    }

    /// The kind of key that bodies get from now on.
    pub fn set_algorithm(&self, algorithm: Algorithm) {
        *self.algorithm.lock().unwrap() = algorithm;
    }

    /// The anchor of its configuration.
    pub fn anchor(&self) -> String {
        let anchor = Anchor {
            generated_at: None,
            instance: "PE".into(),
            sources: vec![AnchorSource {
                url: format!("{}/internalconf", self.url),
                keys: vec![self.first.clone()],
            }],
        };
        anchor.to_xml().unwrap()
    }

    /// A certificate for a key of a member.
    pub fn issue(
        &self,
        profile: &Profile,
        owner: &MemberId,
        signer: &Signer,
        seconds: i64,
    ) -> Certificate {
        let name = Name::member("PE", "Entidad", owner).unwrap();
        let held = Proven::held(signer);
        let certificate = self
            .ca
            .issue(
                profile,
                &name,
                &held,
                seconds,
                &*self.clock,
                &SeededChance::new(99),
            )
            .unwrap();
        self.office.revocations.lock().unwrap().issued(&certificate);
        certificate
    }

    /// Revokes a certificate now.
    pub fn revoke(&self, certificate: &Certificate) {
        let mut known = self.office.revocations.lock().unwrap();
        known.revoke(
            &certificate.serial_hex(),
            self.clock.now(),
            Reason::KeyCompromise,
        );
    }

    /// What the authority's responder says about a certificate now.
    pub fn ocsp_response(&self, certificate: &Certificate) -> Vec<u8> {
        let chance = &self.office.chance;
        let (request, _) = trust::ocsp::request(&[certificate], self.ca.certificate(), chance);
        self.office.ocsp(&request)
    }

    /// The authority's services go away or come back.
    pub fn set_away(&self, away: bool) {
        *self.office.away.lock().unwrap() = away;
    }

    /// New keys of a member, with certificates for so many seconds.
    pub fn keys(&self, owner: &MemberId, seconds: i64) -> Keys {
        let algorithm = *self.algorithm.lock().unwrap();
        let sign = Signer::ephemeral("sign", algorithm).unwrap();
        let auth = Signer::ephemeral("auth", algorithm).unwrap();
        let sign_certificate = self.issue(&Profile::Sign, owner, &sign, seconds);
        let auth_certificate = self.issue(&Profile::Tls { names: vec![] }, owner, &auth, seconds);
        Keys::new(
            (sign, vec![sign_certificate]),
            (auth, vec![auth_certificate]),
        )
        .unwrap()
    }

    /// A body with its node, registered in the directory (others learn of it by [`Country::publish`]).
    pub async fn body(&self, code: &str, subsystems: &[&str], store: Store) -> Node {
        self.body_with(code, subsystems, store, 365 * DAY, |_| {})
            .await
    }

    /// The same with other settings.
    pub async fn body_with(
        &self,
        code: &str,
        subsystems: &[&str],
        store: Store,
        seconds: i64,
        change: impl FnOnce(&mut Settings),
    ) -> Node {
        let owner = member(code);
        let keys = self.keys(&owner, seconds);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        self.register(&owner, subsystems, &address.to_string(), &keys);
        let parts = self.parts(&owner, store, &keys, change).await;
        let exchange = Exchange::new(parts).await.unwrap();
        let serving = Some(exchange.serve(listener));
        Node {
            exchange,
            member: owner,
            address,
            keys,
            serving,
        }
    }

    /// What an exchange of `owner` is built from.
    async fn parts(
        &self,
        owner: &MemberId,
        store: Store,
        keys: &Keys,
        change: impl FnOnce(&mut Settings),
    ) -> Parts {
        store
            .migrate(&[
                ("trust", trust::log::MIGRATIONS),
                ("exchange", crate::MIGRATIONS),
            ])
            .await
            .unwrap();
        let mut settings = Settings::new(owner.clone(), &self.anchor());
        settings.stall_seconds = 2;
        settings.timeout_seconds = 4;
        let plain = SystemAccess {
            authentication: Authentication::Http,
            certificates: vec![],
        };
        for code in ["licencias", "registro"] {
            settings.systems.insert(code.to_owned(), plain.clone());
        }
        change(&mut settings);
        let log = LogSettings {
            key: note_key(&format!("log.{}", owner.code), 2),
            secret: PseudonymSecret::new(&[owner.code.len() as u8; 32]),
            witness: None,
        };
        let log = Log::open(store.clone(), log).await.unwrap();
        Parts {
            settings,
            store,
            keys: keys.clone(),
            log,
            metrics: Metrics::new(),
        }
    }

    /// A body whose node lives on a simulated network, under the address `code:5500`.
    pub async fn body_on(
        &self,
        network: &Network,
        code: &str,
        subsystems: &[&str],
        store: Store,
    ) -> (Node, Seat) {
        self.body_on_with(network, code, subsystems, store, |_| {})
            .await
    }

    /// The same with settings of its own.
    pub async fn body_on_with(
        &self,
        network: &Network,
        code: &str,
        subsystems: &[&str],
        store: Store,
        change: impl FnOnce(&mut Settings),
    ) -> (Node, Seat) {
        let owner = member(code);
        let keys = self.keys(&owner, 365 * DAY);
        let address = format!("{code}:5500");
        self.register(&owner, subsystems, &address, &keys);
        let parts = self.parts(&owner, store, &keys, change).await;
        let exchange = Exchange::simulated(parts, network, &address).await.unwrap();
        let seat = exchange.join().unwrap();
        let node = Node {
            exchange,
            member: owner,
            address: std::net::SocketAddr::from(([0, 0, 0, 0], 0)),
            keys,
            serving: None,
        };
        (node, seat)
    }

    /// The node of a body once more, on what its store holds, as after a power cut.
    pub async fn reopen_on(&self, network: &Network, node: &Node, store: Store) -> (Node, Seat) {
        let address = format!("{}:5500", node.member.code);
        let kept = node.exchange.settings().clone();
        let parts = self.parts(&node.member, store, &node.keys, |settings| *settings = kept);
        let parts = parts.await;
        let exchange = Exchange::simulated(parts, network, &address).await.unwrap();
        let seat = exchange.join().unwrap();
        let node = Node {
            exchange,
            member: node.member.clone(),
            address: node.address,
            keys: node.keys.clone(),
            serving: None,
        };
        (node, seat)
    }

    /// Enters a member with its server in the directory; nodes learn of it by [`Country::publish`].
    pub fn register(&self, owner: &MemberId, subsystems: &[&str], address: &str, keys: &Keys) {
        let mut directory = self.directory.lock().unwrap();
        let named = |code: &&str| Subsystem {
            code: (*code).to_owned(),
            name: None,
        };
        directory.members.push(Member {
            id: owner.clone(),
            name: owner.code.clone(),
            subsystems: subsystems.iter().map(named).collect(),
        });
        let clients = subsystems.iter().map(|code| owner.subsystem(code));
        let certificates = keys.auth.chain().iter().take(1);
        directory.servers.push(Server {
            id: owner.server("s1"),
            address: address.to_owned(),
            auth_cert_hashes: certificates.map(|one| one.sha256().to_vec()).collect(),
            clients: clients.map(Party::Subsystem).collect(),
            maintenance: None,
        });
    }

    /// Changes the directory as the authority may.
    pub fn change<T>(&self, change: impl FnOnce(&mut SharedParams) -> T) -> T {
        change(&mut self.directory.lock().unwrap())
    }

    /// Publishes the directory for so many seconds and lets the nodes fetch it.
    pub async fn publish(&self, seconds: i64, nodes: &[&Node]) {
        self.sign_again(seconds);
        for node in nodes {
            node.exchange.refresh_directory().await.unwrap();
        }
    }

    fn sign(&self, seconds: i64) -> Published {
        let provider = member("AUTORIDAD").subsystem("gestion");
        let private = PrivateParams {
            instance: self.directory.lock().unwrap().instance.clone(),
            anchors: Vec::new(),
            management: Management {
                registration_address: self.url.clone(),
                registration_certificate: None,
                provider: Party::Subsystem(provider),
            },
            time_stamping_interval_seconds: 60,
        };
        let now = self.clock.now();
        let edition = Edition {
            version: Version::V6,
            shared: &self.directory.lock().unwrap(),
            private: Some(&private),
            generated_at: now,
            expires_at: now.plus_seconds(seconds),
        };
        let signer = self.signer.lock().unwrap();
        publish(&edition, &signer.0, &signer.1).unwrap()
    }

    /// A new key for configurations, which nobody knows yet.
    pub fn new_key(&self) -> (Signer, VerificationKey) {
        let signer = Signer::ephemeral("configuration", Algorithm::P256).unwrap();
        let name = Name::of_body("PE", "Autoridad de prueba", "Configuración").unwrap();
        let chance = SeededChance::new(70);
        let own = Ca::new_root(&name, signer.clone(), DAY, &*self.clock, &chance).unwrap();
        (signer, VerificationKey::of(own.certificate()))
    }

    /// The key that signs configurations now.
    pub fn key(&self) -> (Signer, VerificationKey) {
        self.signer.lock().unwrap().clone()
    }

    /// Publishes anew for so many seconds; nobody is told.
    pub fn sign_again(&self, seconds: i64) {
        *self.office.published.lock().unwrap() = self.sign(seconds);
    }

    /// Publishes, and tells whether `node` takes it.
    ///
    /// # Errors
    /// It does not.
    pub async fn try_publish(&self, seconds: i64, node: &Node) -> Result<(), kernel::Fault> {
        self.sign_again(seconds);
        node.exchange.refresh_directory().await
    }

    /// Signs with another key from now on.
    pub fn sign_with(&self, key: (Signer, VerificationKey)) {
        *self.signer.lock().unwrap() = key;
    }

    /// The configuration as published.
    pub fn published(&self) -> Published {
        self.office.published.lock().unwrap().clone()
    }
}

/// Enters agreements that nobody signed, for measuring and for countries made for tests: the audit takes them out.
///
/// # Errors
/// The store failed.
pub async fn agree_unsigned(
    exchange: &Exchange,
    agreements: &[Agreement],
) -> Result<(), kernel::Fault> {
    exchange.agree(agreements).await
}

/// The agreement of most tests.
pub fn agreement(clock: &dyn Clock) -> Agreement {
    Agreement {
        number: "CONV-2026-1".into(),
        client: asking(),
        service: persons(),
        purpose: PURPOSE.into(),
        fields: ["person.name", "over18", "address"]
            .map(String::from)
            .to_vec(),
        valid_from: clock.now().plus_seconds(-60),
        until: clock.now().plus_seconds(300 * DAY),
        legal_ground: "Ley 28976, art. 8".into(),
        daily_limit: None,
    }
}

/// A municipality that asks and a registry that answers, ready to talk.
pub async fn pair(
    clock: Arc<SetClock>,
    asking_store: Store,
    answering_store: Store,
) -> (Country, Node, Node) {
    let country = Country::new(clock.clone()).await;
    let muni = country.body("MUNI", &["licencias"], asking_store).await;
    let reniec = country.body("RENIEC", &["registro"], answering_store).await;
    country.publish(DAY, &[&muni, &reniec]).await;
    furnish(&*clock, &muni, &reniec).await;
    (country, muni, reniec)
}

/// Gives the registry its register, and both bodies their agreement.
pub async fn furnish(clock: &dyn Clock, muni: &Node, reniec: &Node) {
    let derived = Derived::YearsSince {
        name: "over18".into(),
        field: "birth".into(),
        years: 18,
    };
    let source = FactSource::Table {
        register: "people".into(),
        derived: vec![derived],
    };
    reniec
        .exchange
        .offer(&persons(), &source, true)
        .await
        .unwrap();
    let facts = serde_json::json!({
        "person.name": "Rosa Quispe Mamani", "birth": "1990-05-01", "address": "Calle Patacalle 3", "secret": "x",
    });
    reniec
        .exchange
        .record("people", &[("40000001".into(), facts, None)])
        .await
        .unwrap();
    for node in [muni, reniec] {
        node.exchange.agree(&[agreement(clock)]).await.unwrap();
    }
}

/// The question of most tests.
pub fn question() -> crate::Ask {
    crate::Ask {
        client: asking(),
        service: persons(),
        about: "40000001".into(),
        fields: vec!["person.name".into(), "over18".into()],
        purpose: PURPOSE.into(),
        case: Some("EXP-2026-0001".into()),
    }
}

async fn serve_office(listener: TcpListener, office: Arc<Office>) {
    loop {
        let Ok((tcp, _)) = listener.accept().await else {
            return;
        };
        let office = office.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let office = office.clone();
                async move {
                    let path = request.uri().path().to_owned();
                    let body = request.into_body().collect().await?.to_bytes();
                    Ok::<_, hyper::Error>(office.answer(&path, &body))
                }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(tcp), service)
                .await;
        });
    }
}

impl Office {
    fn ocsp(&self, request: &[u8]) -> Vec<u8> {
        let question = Question::from_der(request).unwrap();
        let known = self.revocations.lock().unwrap();
        let answer = self.responder.answer(&question, &known, self.clock.now());
        answer.unwrap()
    }

    fn answer(&self, path: &str, body: &[u8]) -> http::Response<Full<bytes::Bytes>> {
        let bytes = match path {
            _ if *self.away.lock().unwrap() => {
                let mut response = http::Response::new(Full::new(bytes::Bytes::new()));
                *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
                return response;
            }
            "/internalconf" => self.published.lock().unwrap().directory.clone(),
            path if path.starts_with("/V6/") => {
                let published = self.published.lock().unwrap();
                let file = published.files.iter().find(|file| file.path == path);
                file.unwrap().bytes.clone()
            }
            "/tsa" => self
                .tsa
                .answer(body, &*self.clock, &self.chance as &dyn Chance)
                .unwrap(),
            _ => self.ocsp(body),
        };
        http::Response::new(Full::new(bytes.into()))
    }
}
