//! The global configuration as the authority holds and signs it: every version that can say it, internal and external.
//!
//! Keys are RSA, which X-Road's readers of every version take; their certificates carry nothing but the key and stay
//! the same as long as the key does.

use std::collections::BTreeMap;

use bytes::Bytes;
use kernel::{Fault, Moment};
use registry::{Register, rotation};
use trust::ca::{Ca, DAY};
use trust::globalconf::write::{Edition, Published, publish};
use trust::globalconf::{
    Anchor, AnchorSource, Authority, Issuer, Management, Party, PrivateParams, Profile, Responder,
    SharedParams, Source, Stamper, VerificationKey, Version,
};
use trust::keys::Algorithm;
use trust::name::Name;
use trust::{Certificate, Signer};

use crate::commands::Problem;
use crate::house::{Ground, Manner};

/// Years of a certificate that carries a verification key; readers don't look at its dates.
const CERTIFICATE_SECONDS: i64 = 20 * 365 * DAY;
/// Code of the authority's own subsystem, which answers requests about clients.
const MANAGEMENT: &str = "gestion";
/// The certificate profile of what the authority issues.
const PROFILE: Profile = Profile::Basic;

/// The keys of one configuration: one signs, and one or two are announced.
pub struct SigningKey {
    signer: Signer,
    own: VerificationKey,
    /// What is announced, the older first.
    announced: Vec<VerificationKey>,
    /// Path of the configuration that it signs.
    path: &'static str,
}

/// The keys of both configurations.
pub struct SigningKeys {
    /// For the instance's own members.
    pub internal: SigningKey,
    /// For federated instances.
    pub external: SigningKey,
}

impl SigningKeys {
    /// Opens the keys that the register names; the first ones are made.
    ///
    /// # Errors
    /// A key or its certificate can't be read or made.
    pub async fn open(ground: &Ground, register: &Register) -> Result<Self, Problem> {
        let [internal, external] = [
            register.signing_keys("internal").await?,
            register.signing_keys("external").await?,
        ];
        Ok(Self {
            internal: signing_key(ground, &internal, "internalconf")?,
            external: signing_key(ground, &external, "externalconf")?,
        })
    }
}

fn signing_key(
    ground: &Ground,
    named: &rotation::SigningKeys,
    path: &'static str,
) -> Result<SigningKey, Problem> {
    let announced = named.announced.iter();
    let announced = announced.map(|label| verification_key(ground, label));
    Ok(SigningKey {
        announced: announced.collect::<Result<_, _>>()?,
        own: verification_key(ground, &named.signing)?,
        signer: ground.keys.signer(&named.signing)?,
        path,
    })
}

/// The key with this label as others know it; it and its certificate are made if they are not there.
pub fn verification_key(ground: &Ground, label: &str) -> Result<VerificationKey, Problem> {
    let signer = ground.keys.signer_or_create(label, Algorithm::Rsa2048)?;
    let own = match ground.credentials.chain(label)? {
        Some(chain) => chain,
        None if ground.manner != Manner::Serve => {
            return Err(Problem(format!(
                "{label}.pem is missing: run `tambo serve` once"
            )));
        }
        None => {
            let chain = vec![certificate(ground, &signer, label)?];
            ground.credentials.keep(label, &chain)?;
            chain
        }
    };
    let own = own
        .first()
        .ok_or_else(|| Problem(format!("{label}.pem is empty")))?;
    Ok(VerificationKey::of(own))
}

fn certificate(ground: &Ground, signer: &Signer, label: &str) -> Result<Certificate, Problem> {
    let settings = &ground.settings;
    let name = Name::of_body(&settings.exchange.instance, &settings.body.name, label)?;
    let (clock, chance) = (&*ground.clock, &*ground.chance);
    let own = Ca::new_root(&name, signer.clone(), CERTIFICATE_SECONDS, clock, chance)?;
    Ok(own.certificate().clone())
}

/// What is published, and what was published last.
pub struct Configuration {
    /// The shared parameters.
    pub shared: SharedParams,
    /// The register's version that is published.
    pub version: u64,
    private: PrivateParams,
    base_url: String,
    seconds: i64,
    /// When the last edition was made.
    pub made_at: Option<Moment>,
    internal: BTreeMap<Version, Published>,
    external: BTreeMap<Version, Bytes>,
    files: BTreeMap<String, Bytes>,
    before: BTreeMap<String, Bytes>,
}

impl Configuration {
    /// That of an instance without members.
    pub fn of(
        trust: &trust::Authority,
        ground: &Ground,
        keys: &SigningKeys,
        base_url: &str,
    ) -> Self {
        let settings = &ground.settings;
        let instance = &settings.exchange.instance;
        let top = Issuer {
            certificate: trust.certificate().clone(),
            responders: vec![Responder {
                url: format!("{base_url}/ocsp"),
                certificate: None,
                cost: None,
            }],
        };
        let address = base_url
            .split_once("://")
            .map_or(base_url, |(_, host)| host);
        let shared = SharedParams {
            sources: vec![Source {
                address: address.to_owned(),
                internal: keys.internal.announced.clone(),
                external: keys.external.announced.clone(),
            }],
            authorities: vec![Authority::new(
                &trust.certificate().subject().rfc2253(),
                top,
                PROFILE,
            )],
            stampers: vec![Stamper {
                name: "TSA".to_owned(),
                url: format!("{base_url}/tsa"),
                certificate: trust.unit_certificate(),
                cost: None,
            }],
            ..SharedParams::new(instance)
        };
        let private = PrivateParams {
            instance: instance.clone(),
            anchors: Vec::new(),
            management: Management {
                registration_address: format!("{base_url}/managementservice/"),
                registration_certificate: None,
                provider: Party::Subsystem(settings.member().subsystem(MANAGEMENT)),
            },
            time_stamping_interval_seconds: 60,
        };
        Self {
            shared,
            version: 0,
            private,
            base_url: base_url.to_owned(),
            seconds: settings.exchange.configuration_seconds,
            made_at: None,
            internal: BTreeMap::new(),
            external: BTreeMap::new(),
            files: BTreeMap::new(),
            before: BTreeMap::new(),
        }
    }

    /// Announces other keys from the next edition on.
    pub fn announce(&mut self, keys: &SigningKeys) {
        for source in &mut self.shared.sources {
            source.internal.clone_from(&keys.internal.announced);
            source.external.clone_from(&keys.external.announced);
        }
    }

    /// Signs all versions anew. Files of the edition before stay for those who are fetching it.
    ///
    /// # Errors
    /// A key fails, or no version can say what is to be said.
    pub fn publish(&mut self, keys: &SigningKeys, now: Moment) -> Result<(), Fault> {
        let after = self.made_at.map_or(now, |last| Moment(last.0 + 1_000));
        let generated_at = now.max(after);
        let (mut internal, mut external) = (BTreeMap::new(), BTreeMap::new());
        let mut files = BTreeMap::new();
        let mut last = None;
        for version in Version::ALL {
            let edition = Edition {
                version,
                shared: &self.shared,
                private: Some(&self.private),
                generated_at,
                expires_at: generated_at.plus_seconds(self.seconds),
            };
            let outer = Edition {
                private: None,
                ..edition
            };
            let signed = |edition, key: &SigningKey| publish(edition, &key.signer, &key.own);
            match (
                signed(&edition, &keys.internal),
                signed(&outer, &keys.external),
            ) {
                (Ok(inner), Ok(outer)) => {
                    let own = inner.files.iter();
                    files.extend(own.map(|file| (file.path.clone(), file.bytes.clone().into())));
                    internal.insert(version, inner);
                    external.insert(version, outer.directory.into());
                }
                // A version that can't say it is not given out; the others are.
                (Err(error), _) | (_, Err(error)) => last = Some(error),
            }
        }
        if let (true, Some(error)) = (internal.is_empty(), last) {
            return Err(Fault::internal(error));
        }
        self.made_at = Some(generated_at);
        self.before = std::mem::replace(&mut self.files, files);
        (self.internal, self.external) = (internal, external);
        Ok(())
    }

    /// The newest edition of the internal configuration.
    pub fn newest(&self) -> Published {
        let newest = self.internal.last_key_value();
        newest
            .map(|(_, edition)| edition.clone())
            .unwrap_or_default()
    }

    /// The signed directory of a version, or of the oldest one if none is named.
    pub fn directory(&self, external: bool, version: Option<Version>) -> Option<Bytes> {
        let version = version.or_else(|| self.internal.keys().next().copied())?;
        match external {
            true => self.external.get(&version).cloned(),
            false => {
                let edition = self.internal.get(&version)?;
                Some(Bytes::from(edition.directory.clone()))
            }
        }
    }

    /// A file of this edition or the one before.
    pub fn file(&self, path: &str) -> Option<Bytes> {
        self.files
            .get(path)
            .or_else(|| self.before.get(path))
            .cloned()
    }

    /// The anchor of the configuration that `key` signs. It is as old as the newest key in it, so that the same keys give
    /// the same file; X-Road's servers take no anchor without an age.
    pub fn anchor(&self, key: &SigningKey) -> String {
        let made = key.announced.iter().filter_map(|key| {
            let certificate = trust::Certificate::from_der(key.bytes()).ok()?;
            Some(certificate.not_before())
        });
        let anchor = Anchor {
            generated_at: made.max().or(self.made_at),
            instance: self.shared.instance.clone(),
            sources: vec![AnchorSource {
                url: format!("{}/{}", self.base_url, key.path),
                keys: key.announced.clone(),
            }],
        };
        anchor.to_xml().unwrap_or_default()
    }
}
