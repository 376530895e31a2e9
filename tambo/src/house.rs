//! The place of assembly: builds one body from the ground up. Read this first.
//!
//! `Ground` is what every body stands on (store, keys, certificates, clock). `House::build` sets the floors on it in
//! order and gathers what the modules bring. Nothing here decides anything; there are no globals, so that a process
//! holds one ministry or hundreds of villages.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use exchange::settings::SystemAccess;
use kernel::{Chance, Clock, SystemChance, SystemClock};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use store::Store;
use trust::keys::{Algorithm, KeyStore, Passphrase, Signer};
use trust::log::{
    Log, LogSettings, NoteKey, PseudonymSecret, SignatureKind, VerifierKey, Witness, WitnessPeer,
};
use trust::sigalg::Hash;
use web::Room;
use web::client::Http;
use web::metrics::Metrics;

use crate::authority::Authority;
use crate::commands::Problem;
use crate::credentials::{self, Credentials};
use crate::settings::{Part, Settings};
use crate::{country, front, joining, office};

/// For what a body is opened, which says what may happen by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// To be served: keys, certificates and tables that are missing are made, ends are renewed, settings are entered.
    Serve,
    /// To do one thing that was asked for: nothing else is made, renewed or entered. A command at a machine whose clock
    /// is wrong must not renew what is good.
    Act,
    /// To tell something: the engine refuses every write.
    Read,
}

/// What every body stands on.
#[derive(Clone)]
pub struct Ground {
    /// For what it is opened.
    pub manner: Manner,
    /// The settings.
    pub settings: Arc<Settings>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The chance.
    pub chance: Arc<dyn Chance>,
    /// The data, with all tables made.
    pub store: Store,
    /// Private keys.
    pub keys: KeyStore,
    /// Certificates.
    pub credentials: Credentials,
}

/// One body, ready to be served.
pub struct House {
    /// What it stands on.
    pub ground: Ground,
    /// The transparency log.
    pub log: Log,
    /// Questions between bodies.
    pub exchange: exchange::Exchange,
    /// People, officials, sessions.
    pub identity: identity::Identity,
    /// Documents.
    pub documents: documents::Documents,
    /// Certificates and directory, if this body is the authority.
    pub authority: Option<Authority>,
    /// Procedures and cases, if this body is an office.
    pub workflow: Option<workflow::Workflow>,
    /// What the modules bring, ground floor first.
    pub rooms: Vec<Room>,
    /// Figures.
    pub metrics: Metrics,
}

/// The tables of every module, in the order of the floors.
const MIGRATIONS: &[(&str, &[store::Migration])] = &[
    ("trust-authority", trust::http::MIGRATIONS),
    ("log", trust::log::MIGRATIONS),
    ("exchange", exchange::MIGRATIONS),
    ("registry", registry::MIGRATIONS),
    ("identity", identity::MIGRATIONS),
    ("documents", documents::MIGRATIONS),
    ("workflow", workflow::MIGRATIONS),
    ("portal", portal::MIGRATIONS),
];

/// Opens the store of a body and brings its tables up to date.
///
/// # Errors
/// The store can't be opened, or its data are newer than this program.
pub async fn open_store(settings: &Settings) -> Result<Store, Problem> {
    open_store_at(settings, Arc::new(SystemClock)).await
}

async fn open_store_at(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Store, Problem> {
    let chance = Arc::new(SystemChance::default());
    let store = Store::open(&settings.store_url(), clock, chance)
        .await
        .map_err(|error| Problem(format!("[store] url: {error}")))?;
    store.migrate(MIGRATIONS).await?;
    Ok(store)
}

/// Opens the store of a body for a command: with the tables that it has, which must be those of this program.
///
/// # Errors
/// The store can't be opened, or its data are older or newer than this program.
pub async fn open_store_as_is(
    settings: &Settings,
    clock: Arc<dyn Clock>,
    manner: Manner,
) -> Result<Store, Problem> {
    let chance = Arc::new(SystemChance::default());
    let url = settings.store_url();
    let told = |error| Problem(format!("[store] url: {error}"));
    let reading = Store::open_reading(&url, clock.clone(), chance.clone())
        .await
        .map_err(told)?;
    reading.must_be_migrated(MIGRATIONS).await?;
    if manner == Manner::Read {
        return Ok(reading);
    }
    reading.close().await;
    Store::open(&url, clock, chance).await.map_err(told)
}

/// The passphrase of a body's keys.
///
/// # Errors
/// It is nowhere; the text says where it is looked for.
pub fn passphrase_text(settings: &Settings) -> Result<String, Problem> {
    if let Some(given) = &settings.keys.passphrase {
        return Ok(given.clone());
    }
    passphrase_from(Some(&settings.path(&settings.keys.passphrase_file)))
}

/// The passphrase in `file`, or in the environment.
///
/// # Errors
/// It is nowhere.
pub fn passphrase_from(file: Option<&Path>) -> Result<String, Problem> {
    if let Ok(given) = std::env::var("TAMBO_KEYS_PASSPHRASE") {
        return Ok(given);
    }
    let Some(file) = file else {
        return Err(Problem(
            "give --passphrase-file, or TAMBO_KEYS_PASSPHRASE".to_owned(),
        ));
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Problem(format!("the passphrase file {}: {error}", file.display())))?;
    Ok(text.trim_matches(['\r', '\n']).to_owned())
}

impl Ground {
    /// Opens store and keys of a body.
    ///
    /// # Errors
    /// A file can't be opened, the passphrase is wrong, or the data are newer than the program.
    pub async fn lay(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, Problem> {
        Self::lay_for(settings, clock, Manner::Serve).await
    }

    /// The same for what it is opened: but to be served, nothing is made that is not there.
    ///
    /// # Errors
    /// As [`Ground::lay`]; or the tables are older than the program.
    pub async fn lay_for(
        settings: Settings,
        clock: Arc<dyn Clock>,
        manner: Manner,
    ) -> Result<Self, Problem> {
        let passphrase = Passphrase::new(passphrase_text(&settings)?);
        let keys = KeyStore::open(&settings.path(&settings.keys.folder), &passphrase)?;
        let (keys, store) = match manner {
            Manner::Serve => (keys, open_store_at(&settings, clock.clone()).await?),
            Manner::Act | Manner::Read => {
                let store = open_store_as_is(&settings, clock.clone(), manner).await?;
                (keys.as_is(), store)
            }
        };
        let credentials = Credentials::new(&settings.folder, keys.clone());
        let chance: Arc<dyn Chance> = Arc::new(SystemChance::default());
        Ok(Self {
            manner,
            settings: Arc::new(settings),
            clock,
            chance,
            store,
            keys,
            credentials,
        })
    }

    /// The same ground for an act that is the making of a key.
    ///
    /// # Errors
    /// The passphrase is nowhere.
    pub fn making(&self) -> Result<Self, Problem> {
        let passphrase = Passphrase::new(passphrase_text(&self.settings)?);
        let keys = KeyStore::open(&self.settings.path(&self.settings.keys.folder), &passphrase)?;
        Ok(Self {
            manner: Manner::Serve,
            credentials: Credentials::new(&self.settings.folder, keys.clone()),
            keys,
            ..self.clone()
        })
    }

    /// A secret of this body for one use: the digest of a signature that only its key can make and always makes alike.
    ///
    /// # Errors
    /// The key can't be used.
    pub fn secret(&self, used_for: &str) -> Result<[u8; 32], Problem> {
        let signer = self.keys.signer_or_create("secrets", Algorithm::Ed25519)?;
        let signature = signer.sign(
            format!("tambo secret v1: {used_for}").as_bytes(),
            Hash::Sha256,
        )?;
        let digest = Hash::Sha256.digest(&signature);
        digest
            .try_into()
            .map_err(|_| Problem("SHA-256 has 32 bytes".to_owned()))
    }

    /// An Ed25519 key for notes, named `name`.
    ///
    /// # Errors
    /// The key can't be used or the name doesn't fit a note.
    pub fn note_key(
        &self,
        label: &str,
        name: &str,
        kind: SignatureKind,
    ) -> Result<NoteKey, Problem> {
        let signer = self.keys.signer_or_create(label, Algorithm::Ed25519)?;
        Ok(NoteKey::from_signer(name, kind, signer)?)
    }

    /// Where this body's log is published: its origin.
    pub fn log_origin(&self) -> String {
        let member = self.settings.member();
        format!("{}.{}.{}/log", member.instance, member.class, member.code).to_lowercase()
    }

    /// The key that verifies this body's checkpoints.
    ///
    /// # Errors
    /// The key can't be used.
    pub fn log_verifier(&self) -> Result<VerifierKey, Problem> {
        Ok(self
            .note_key("log", &self.log_origin(), SignatureKind::Note)?
            .verifier()
            .clone())
    }

    /// The signer of `label` with its certificate chain.
    ///
    /// # Errors
    /// One of them is missing.
    pub fn identity_of(&self, label: &str) -> Result<(Signer, Vec<trust::Certificate>), Problem> {
        Ok((self.keys.signer(label)?, self.credentials.expect(label)?))
    }
}

impl House {
    /// Builds the body, floor by floor. An authority is opened before (it serves others too) and handed in.
    ///
    /// # Errors
    /// A certificate is missing, a setting doesn't fit, or the store fails.
    pub async fn build(ground: Ground, authority: Option<Authority>) -> Result<Self, Problem> {
        let settings = ground.settings.clone();
        let metrics = Metrics::new();

        // infrastructure
        let log = match &authority {
            Some(authority) => authority.log.clone(),
            None => open_log(&ground, None).await?,
        };
        let exchange = build_exchange(&ground, authority.as_ref(), &log, &metrics).await?;

        // platform
        let identity = identity(&ground)?;
        let documents = build_documents(&ground, &log)?;
        let workflow = match settings.is(Part::Office) {
            true => Some(office::build(
                &ground,
                &exchange,
                &documents,
                (&log, authority.as_ref()),
            )?),
            false => None,
        };

        // what they bring, ground floor first; services last
        let witness = authority
            .as_ref()
            .map(|authority| authority.witness.clone());
        let mut rooms = vec![trust::log::room(&log, witness)];
        rooms.extend(authority.iter().flat_map(Authority::rooms));
        rooms.extend(joining::room(&ground));
        rooms.extend([exchange.room(), identity.room(), documents.room()]);
        match &workflow {
            Some(workflow) => {
                rooms.push(workflow.room());
                rooms.push(office::portal(&ground, workflow, &documents, &exchange).room());
            }
            None => rooms.push(front::room()),
        }
        Ok(Self {
            ground,
            log,
            exchange,
            identity,
            documents,
            authority,
            workflow,
            rooms,
            metrics,
        })
    }
}

/// The log of this body, whose checkpoints `own` cosigns if the body is the authority.
///
/// # Errors
/// A key can't be used, or the log is damaged.
pub async fn open_log(ground: &Ground, own: Option<&Witness>) -> Result<Log, Problem> {
    let settings = log_settings(ground, own)?;
    let store = ground.store.clone();
    Ok(match ground.manner {
        Manner::Serve => Log::open(store, settings).await?,
        Manner::Act | Manner::Read => Log::open_as_is(store, settings).await?,
    })
}

/// What this body's log needs.
///
/// # Errors
/// A key can't be used.
pub fn log_settings(ground: &Ground, own: Option<&Witness>) -> Result<LogSettings, Problem> {
    let exchange = &ground.settings.exchange;
    let witness = match own {
        Some(witness) => Some(WitnessPeer::Local(witness.clone())),
        None if exchange.witness_key.is_empty() => None,
        None => {
            let prefix = format!("{}/witness", exchange.authority.trim_end_matches('/'));
            Some(WitnessPeer::at(
                &prefix,
                VerifierKey::parse(&exchange.witness_key)?,
                authority_http(&ground.settings)?,
            ))
        }
    };
    Ok(LogSettings {
        key: ground.note_key("log", &ground.log_origin(), SignatureKind::Note)?,
        secret: PseudonymSecret::new(&ground.secret("pseudonyms")?),
        witness,
    })
}

/// The client for the authority's services, over HTTP or HTTPS.
fn authority_http(settings: &Settings) -> Result<Http, Problem> {
    let ca = settings.authority_ca()?;
    Http::trusting(ca.as_deref())
        .map_err(|error| Problem(format!("[exchange] authority_ca: {error}")))
}

/// The text of the anchor file; empty if there is none, and then nobody is known.
fn anchor_of(settings: &Settings) -> Result<String, Problem> {
    let path = settings.path(Path::new(&settings.exchange.anchor));
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), "there is no configuration anchor: no other body is known");
            Ok(String::new())
        }
        Err(error) => Err(Problem(format!("the anchor {}: {error}", path.display()))),
    }
}

/// Where and when archives are written, by a path that holds wherever the program was started.
fn archive(settings: &Settings) -> exchange::archive::ArchiveSettings {
    let mut archive = settings.exchange.archive.clone();
    if !archive.folder.as_os_str().is_empty() {
        archive.folder = settings.path(&archive.folder);
    }
    archive
}

/// The exchange's settings, as this body's file and folder say.
fn exchange_settings(
    ground: &Ground,
    authority: Option<&Authority>,
) -> Result<exchange::Settings, Problem> {
    let own = &ground.settings.exchange;
    let anchor = match authority {
        Some(authority) => authority.anchor(),
        None => anchor_of(&ground.settings)?,
    };
    let mut settings = exchange::Settings::new(ground.settings.member(), &anchor);
    settings.server.clone_from(&own.server);
    settings.listen = own.listen;
    settings.systems_listen = own.client_listen;
    settings.systems_tls_listen = own.client_tls_listen;
    settings.health_listen = own.health_listen;
    settings.legacy_tls = own.legacy_tls;
    settings.shared_lines = own.shared_lines;
    settings.ocsp_listen = own.ocsp_listen;
    settings.fastest_server_seconds = own.fastest_server_seconds;
    settings.authority_ca = ground.settings.authority_ca()?;
    settings.systems = systems(&ground.settings)?;
    let member = own.member_systems.as_ref();
    settings.member_systems = member
        .map(|access| system_access(&ground.settings, access))
        .transpose()?;
    settings.body_bytes_max = own.message_bytes_max;
    settings.signatures = own.signatures;
    settings.logged_body_bytes_max = own.logged_bytes_max;
    settings.stamp_every_seconds = own.stamp_every_seconds;
    settings.stamp_grace_seconds = own.stamp_grace_seconds;
    settings.spool_folder = Some(ground.settings.folder.join("spool"));
    settings.guard = own.guard.clone();
    settings.deliver = own.deliver.clone();
    settings.body_log_off.clone_from(&own.body_log_off);
    settings.archive = archive(&ground.settings);
    settings.topics.clone_from(&own.topics);
    settings.guard.folder = ground.settings.store_folder();
    settings.utc_offset_minutes =
        country::utc_offset_minutes(&ground.settings.body.time_zone, ground.clock.now());
    if own.spelling == "dotted" {
        settings.spelling = exchange::domain::codes::Spelling::Dotted;
    }
    Ok(settings)
}

async fn build_exchange(
    ground: &Ground,
    authority: Option<&Authority>,
    log: &Log,
    metrics: &Metrics,
) -> Result<exchange::Exchange, Problem> {
    let settings = exchange_settings(ground, authority)?;
    let own = &ground.settings.exchange;
    let keys = exchange::Keys::new(
        ground.identity_of(credentials::SIGN)?,
        ground.identity_of(credentials::TLS)?,
    )?;
    let parts = exchange::Parts {
        settings,
        store: ground.store.clone(),
        keys,
        log: log.clone(),
        metrics: metrics.clone(),
    };
    let exchange = exchange::Exchange::new(parts).await?;
    let (registries, folder) = (&ground.settings.registry, &ground.settings.folder);
    if ground.manner != Manner::Serve {
        exchange.connect_as_is(registries, &own.subsystem, folder)?;
        exchange.note_listed(&own.services, &own.groups, &own.subsystem);
        return Ok(exchange);
    }
    exchange.connect(registries, &own.subsystem, folder).await?;
    exchange
        .offer_listed(&own.services, &own.groups, &own.subsystem, folder)
        .await?;
    if let Some(authority) = authority {
        if let Some(earlier) = exchange.directory() {
            authority.take_up(&earlier).await?;
        }
        exchange.take_configuration(&authority.published()).await?;
    }
    Ok(exchange)
}

/// Who may speak for each subsystem, with certificate files read into their digests.
fn systems(settings: &Settings) -> Result<BTreeMap<String, SystemAccess>, Problem> {
    let all = settings.exchange.systems.iter();
    all.map(|(code, own)| Ok((code.clone(), system_access(settings, own)?)))
        .collect()
}

fn system_access(
    settings: &Settings,
    own: &crate::settings::SystemAccess,
) -> Result<SystemAccess, Problem> {
    let digest = |text: &String| -> Result<String, Problem> {
        let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_digest {
            return Ok(text.to_ascii_lowercase());
        }
        let path = settings.path(Path::new(text));
        let bad = |cause: &dyn std::fmt::Display| {
            Problem(format!(
                "[exchange.systems] certificate {}: {cause}",
                path.display()
            ))
        };
        let der = CertificateDer::from_pem_file(&path).map_err(|error| bad(&error))?;
        Ok(exchange::directory::sha256_hex(&der))
    };
    let certificates = own.certificates.iter().map(digest);
    Ok(SystemAccess {
        authentication: own.authentication,
        certificates: certificates.collect::<Result<_, _>>()?,
    })
}

/// The people and officials of a body.
///
/// # Errors
/// A key can't be used, or a setting doesn't fit.
pub fn identity(ground: &Ground) -> Result<identity::Identity, Problem> {
    Ok(identity::Identity::new(
        ground.store.clone(),
        ground.clock.clone(),
        ground.chance.clone(),
        identity_settings(ground)?,
    )?)
}

fn identity_settings(ground: &Ground) -> Result<identity::Settings, Problem> {
    let settings = &ground.settings;
    let origin = settings.pages.origin.clone();
    let host = origin
        .split("://")
        .nth(1)
        .unwrap_or("")
        .split(['/', ':'])
        .next()
        .unwrap_or("");
    Ok(identity::Settings {
        rp_id: host.to_owned(),
        body: settings.body.name.clone(),
        scheme: country::person_number(),
        secret: ground.secret("codes")?,
        practice: settings.body.simulated,
        origin,
    })
}

fn build_documents(ground: &Ground, log: &Log) -> Result<documents::Documents, Problem> {
    let settings = &ground.settings;
    let chain = ground.credentials.expect(credentials::SEAL)?;
    let root = chain
        .last()
        .cloned()
        .ok_or_else(|| Problem("the seal has no chain".to_owned()))?;
    let anchors = trust::Anchors::new(vec![root]);
    let url = format!("{}/tsa", settings.exchange.authority.trim_end_matches('/'));
    let http = authority_http(settings)?;
    let stamper = documents::Stamper::http(http, url, anchors.clone(), ground.chance.clone());
    let own = documents::Settings {
        verify_url: format!("{}/verify", settings.pages.origin),
        time_zone: settings.body.time_zone.clone(),
        place: settings.body.place.clone(),
        ..documents::Settings::default()
    };
    Ok(documents::Documents::new(
        ground.store.clone(),
        &settings.path(&settings.store.documents),
        ground.keys.clone(),
        stamper,
        anchors,
        Some(log.clone()),
        own,
    )?)
}
