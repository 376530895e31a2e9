//! What the tests of this crate share: a paper with everything in it, and an authority with a signer and time stamps.

mod oracle;
mod pages;
pub mod sample;
mod stories;

use std::sync::Arc;

use kernel::{Clock, Moment, SeededChance, SetClock};
use store::Store;
use trust::ca::{Ca, DAY};
use trust::keys::{Algorithm, Cost, KeyStore, Passphrase, Signer};
use trust::log::{Log, LogSettings};
use trust::name::Name;
use trust::{Anchors, Certificate, Profile, tsp};

use crate::pades::{Claim, Identity, Stamper, Verifier, sign};
use crate::paper::Field;
use crate::{Documents, Settings, Signatory, pdf};

/// An authority of tests, its signers and its time-stamping unit.
pub struct Town {
    pub clock: Arc<SetClock>,
    pub chance: Arc<SeededChance>,
    pub root: Ca,
    pub middle: Ca,
    pub anchors: Anchors,
    pub official: Identity,
    pub stamper: Stamper,
}

/// The moment of all tests.
pub fn at() -> Moment {
    Moment::parse_iso("2026-11-23T15:04:05Z").expect("a date")
}

impl Town {
    /// A town from `seed`; its root is not that of another.
    pub fn new(seed: u64, kind: Algorithm) -> Self {
        Self::founded(seed, kind, at())
    }

    /// A town whose authority begins at `moment`; other programs look at the machine's clock.
    pub fn founded(seed: u64, kind: Algorithm, moment: Moment) -> Self {
        let clock = Arc::new(SetClock::at(moment));
        let chance = Arc::new(SeededChance::new(seed));
        let name = |unit: &str| Name::of_body("PE", "Autoridad de prueba", unit).expect("a name");
        let key = |label: &str| Signer::ephemeral(label, kind).expect("a key");
        let root = Ca::new_root(&name("Raíz"), key("root"), 3650 * DAY, &*clock, &*chance)
            .expect("a root");
        let middle = root
            .new_intermediate(
                &name("Emisora"),
                key("middle"),
                1800 * DAY,
                &*clock,
                &*chance,
            )
            .expect("an intermediate");
        let anchors = Anchors::new(vec![root.certificate().clone()]);
        let issue = |profile: Profile, subject: &Name, signer: &Signer| {
            let proven = trust::ca::Proven::held(signer);
            middle
                .issue(&profile, subject, &proven, 365 * DAY, &*clock, &*chance)
                .expect("a certificate")
        };
        let chain = |leaf: Certificate| [vec![leaf], middle.chain()].concat();
        let signer = key("official");
        let subject = Name::of_body(
            "PE",
            "Municipalidad Distrital de Ollantaytambo",
            "Wilber Huamán Ccori",
        );
        let leaf = issue(Profile::Official, &subject.expect("a name"), &signer);
        let official = Identity {
            signer,
            chain: chain(leaf),
        };
        let unit = key("stamps");
        let leaf = issue(Profile::TimeStamp, &name("Sello de tiempo"), &unit);
        let tsa = Arc::new(tsp::Tsa::new(unit, chain(leaf), tsp::POLICY_DEFAULT).expect("a unit"));
        let (tsa_clock, tsa_chance) = (clock.clone(), chance.clone());
        let ask = move |request: Vec<u8>| -> futures_util::future::BoxFuture<'static, _> {
            let answer = tsa.answer(&request, &*tsa_clock, &*tsa_chance);
            Box::pin(async move { answer.map_err(kernel::Fault::internal) })
        };
        let stamper = Stamper::new(Arc::new(ask), anchors.clone(), chance.clone());
        Self {
            clock,
            chance,
            root,
            middle,
            anchors,
            official,
            stamper,
        }
    }

    /// The signature's claim.
    pub fn claim(&self) -> Claim {
        Claim {
            name: "Wilber Huamán Ccori".into(),
            reason: "Subgerente de Desarrollo Económico y Licencias".into(),
            place: "Ollantaytambo".into(),
            at: self.clock.now(),
        }
    }

    /// The sample resolution, signed by the official.
    pub async fn signed(&self) -> Vec<u8> {
        let pdf = pdf::render(&sample::resolution(2)).expect("renders");
        sign(
            &pdf,
            Field::Official.name(),
            &self.claim(),
            &self.official,
            &self.stamper,
        )
        .await
        .expect("signed")
    }

    /// A certificate for a key, followed by those above it.
    pub fn certify(&self, profile: Profile, name: &str, signer: &Signer) -> Vec<Certificate> {
        let subject =
            Name::of_body("PE", "Municipalidad Distrital de Ollantaytambo", name).expect("a name");
        let proven = trust::ca::Proven::held(signer);
        let (clock, chance) = (&*self.clock, &*self.chance);
        let leaf = self
            .middle
            .issue(&profile, &subject, &proven, 365 * DAY, clock, chance);
        [vec![leaf.expect("a certificate")], self.middle.chain()].concat()
    }

    /// The documents of a body of this town, with an official's and a seal's key, on `store`.
    pub async fn documents(
        &self,
        store: Store,
        folder: &std::path::Path,
    ) -> (Documents, Signatory, Signatory) {
        store
            .migrate(&[
                ("log", trust::log::MIGRATIONS),
                ("documents", crate::sql::MIGRATIONS),
            ])
            .await
            .expect("tables");
        let keys = KeyStore::open_with(
            &folder.join("keys"),
            &Passphrase::new("prueba"),
            Cost::light(),
        )
        .expect("keys");
        let who = |label: &str, profile: Profile, name: &str, post: &str, field: Field| {
            let signer = keys.create(label, Algorithm::P256).expect("a key");
            let chain = self.certify(profile, name, &signer);
            Signatory {
                label: label.into(),
                chain,
                name: name.into(),
                post: post.into(),
                field,
            }
        };
        let official = who(
            "gerente",
            Profile::Official,
            "Wilber Huamán Ccori",
            "Subgerente",
            Field::Official,
        );
        let seal = who(
            "sello",
            Profile::Seal,
            "Municipalidad de prueba",
            "Mesa de partes",
            Field::Seal,
        );
        let log = LogSettings::new(&keys, "prueba/log", None).expect("a log");
        let log = Log::open(store.clone(), log).await.expect("a log");
        let settings = Settings {
            verify_url: "https://ollantaytambo.example/verify".into(),
            place: "Ollantaytambo".into(),
            ..Settings::default()
        };
        let (stamper, anchors) = (self.stamper.clone(), self.anchors.clone());
        let documents = Documents::new(
            store,
            &folder.join("blobs"),
            keys,
            stamper,
            anchors,
            Some(log),
            settings,
        );
        (documents.expect("documents"), official, seal)
    }

    /// A verifier that trusts this town.
    pub fn verifier(&self) -> Verifier {
        Verifier::new(self.anchors.clone())
    }
}
