//! A small country for tests: an authority with CA, OCSP, time stamps and directory, and bodies with nodes of their own.
//!
//! Read by this crate's tests and by the storms of `town`; nothing that serves a real body uses it. Whatever can't be set
//! up stops the test.
#![expect(
    clippy::unwrap_used,
    reason = "a test country that can't be set up must stop the test"
)]

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
use trust::keys::{Algorithm, Signer};
use trust::log::note::{NoteKey, SignatureKind, VerifierKey};
use trust::log::{Log, LogSettings, PseudonymSecret};
use trust::name::Name;
use trust::ocsp::{Question, Responder};
use trust::tsp::{POLICY_DEFAULT, Tsa};
use web::metrics::Metrics;

use crate::directory::{Authority, Directory, Member, Server, Stamper};
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
    published: Mutex<String>,
}

/// An authority with everything that an instance needs of it.
pub struct Country {
    /// The clock of everybody.
    pub clock: Arc<SetClock>,
    ca: Ca,
    office: Arc<Office>,
    key: NoteKey,
    url: String,
    directory: Mutex<Directory>,
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
        let base64 = |certificate: &Certificate| data_encoding::BASE64.encode(certificate.der());
        let directory = Directory {
            instance: "PE".into(),
            authorities: vec![Authority {
                name: "Raíz".into(),
                root: base64(ca.certificate()),
                intermediates: vec![],
                ocsp_url: format!("{url}/ocsp"),
                ocsp_certificates: vec![],
            }],
            stampers: vec![Stamper {
                name: "TSA".into(),
                url: format!("{url}/tsa"),
                certificate: base64(&stamp),
            }],
            ..Directory::default()
        };
        let key = note_key("directory.pe", 1);
        Self {
            clock,
            ca,
            office,
            key,
            url,
            directory: Mutex::new(directory),
        }
    }

    /// The key of its directory.
    pub fn directory_key(&self) -> String {
        self.key.verifier().to_string()
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
        let sign = Signer::ephemeral("sign", Algorithm::P256).unwrap();
        let auth = Signer::ephemeral("auth", Algorithm::P256).unwrap();
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
        let mut settings = Settings::new(owner.clone(), &self.directory_key());
        settings.directory_url = Some(format!("{}/directory", self.url));
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
        let owner = member(code);
        let keys = self.keys(&owner, 365 * DAY);
        let address = format!("{code}:5500");
        self.register(&owner, subsystems, &address, &keys);
        let parts = self.parts(&owner, store, &keys, |_| {}).await;
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
        let parts = self.parts(&node.member, store, &node.keys, |_| {}).await;
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

    fn register(&self, owner: &MemberId, subsystems: &[&str], address: &str, keys: &Keys) {
        let mut directory = self.directory.lock().unwrap();
        directory.members.push(Member {
            id: owner.clone(),
            name: owner.code.clone(),
            subsystems: subsystems.iter().map(|code| (*code).to_owned()).collect(),
        });
        directory.servers.push(Server {
            id: owner.server("s1"),
            address: address.to_owned(),
            certificates: keys
                .auth
                .chain()
                .iter()
                .take(1)
                .map(Certificate::sha256_hex)
                .collect(),
            clients: subsystems
                .iter()
                .map(|code| owner.subsystem(code))
                .collect(),
            maintenance: None,
        });
    }

    /// Changes the directory as the authority may.
    pub fn change<T>(&self, change: impl FnOnce(&mut Directory) -> T) -> T {
        change(&mut self.directory.lock().unwrap())
    }

    /// Publishes the directory for so many seconds and lets the nodes fetch it.
    pub async fn publish(&self, seconds: i64, nodes: &[&Node]) {
        let text = {
            let mut directory = self.directory.lock().unwrap();
            directory.serial += 1;
            directory.published_at = self.clock.now();
            directory.expires_at = self.clock.now().plus_seconds(seconds);
            directory.publish(&self.key).unwrap()
        };
        *self.office.published.lock().unwrap() = text;
        for node in nodes {
            node.exchange.refresh_directory().await.unwrap();
        }
    }

    /// The directory as published.
    pub fn published(&self) -> String {
        self.office.published.lock().unwrap().clone()
    }
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
            "/directory" => self.published.lock().unwrap().clone().into_bytes(),
            "/tsa" => self
                .tsa
                .answer(body, &*self.clock, &self.chance as &dyn Chance)
                .unwrap(),
            _ => self.ocsp(body),
        };
        http::Response::new(Full::new(bytes.into()))
    }
}
