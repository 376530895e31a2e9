//! The settings of one body, read from one TOML file with the environment on top.
//!
//! `template.toml` documents every key and is what `tambo init` writes; a test holds it to the types here. A key that
//! is not known is an error that names the nearest known one, because a mistyped limit must not be silently ignored.

mod problem;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use kernel::{Locale, MemberId, ServerId, ServiceId, SubsystemId};
use serde::{Deserialize, Serialize};

use crate::commands::Problem;

pub use problem::SettingsError;

/// The commented file that `init` writes.
pub const TEMPLATE: &str = include_str!("template.toml");
/// Largest settings file: a hundred times the template.
const FILE_BYTES_MAX: u64 = 512 * 1024;

/// All settings of one body.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who this body is.
    pub body: Body,
    /// Pages for people.
    #[serde(default)]
    pub pages: Pages,
    /// Data.
    #[serde(default)]
    pub store: StoreSettings,
    /// Private keys.
    #[serde(default)]
    pub keys: Keys,
    /// Questions between bodies.
    pub exchange: Exchange,
    /// Procedures, for a body that has the role `office`.
    #[serde(default)]
    pub office: Office,
    /// Registries that this body offers, by the code of the service.
    #[serde(default)]
    pub registry: BTreeMap<String, exchange::Described>,
    /// The folder that relative paths start from: the file's own.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// A part that a body plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Certificates, time stamps, directory, witness.
    Authority,
    /// Answers questions.
    Registry,
    /// Procedures, desks, citizens' pages.
    Office,
}

/// Section `[body]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Short code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Second line.
    #[serde(default)]
    pub place: String,
    /// Code of the district, for regional holidays.
    #[serde(default)]
    pub region: String,
    /// How to reach people.
    #[serde(default)]
    pub contact: String,
    /// IANA time zone.
    #[serde(default = "default_zone")]
    pub time_zone: String,
    /// Language of a visitor who asked for none.
    #[serde(default)]
    pub locale: Locale,
    /// Whether the country is simulated.
    #[serde(default)]
    pub simulated: bool,
    /// What it does.
    pub roles: Vec<Part>,
}

/// Section `[pages]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pages {
    /// Where pages are served.
    pub listen: SocketAddr,
    /// The address that people type.
    pub origin: String,
    /// Certificate chain, PEM.
    pub tls_certificate: Option<PathBuf>,
    /// Private key, PEM.
    pub tls_key: Option<PathBuf>,
    /// Requests a minute of one client address.
    pub requests_per_minute: u32,
}

/// Section `[store]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// `sqlite:PATH` or `postgres://...`.
    pub url: String,
    /// Folder of documents.
    pub documents: PathBuf,
}

/// Section `[keys]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// Folder of key files.
    pub folder: PathBuf,
    /// File with the passphrase.
    pub passphrase_file: PathBuf,
    /// The passphrase itself; meant for the environment only.
    #[serde(skip_serializing)]
    pub passphrase: Option<String>,
}

/// Section `[exchange]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The ecosystem.
    pub instance: String,
    /// Member class.
    pub class: String,
    /// Member code.
    pub member: String,
    /// Server code.
    #[serde(default = "default_server")]
    pub server: String,
    /// Subsystem code.
    pub subsystem: String,
    /// Where other servers reach this one.
    pub listen: SocketAddr,
    /// The address they are told.
    pub address: String,
    /// Where own systems ask.
    #[serde(default)]
    pub client_listen: Option<SocketAddr>,
    /// Where own systems ask over HTTPS.
    #[serde(default)]
    pub client_tls_listen: Option<SocketAddr>,
    /// Where load balancers ask whether the node works.
    #[serde(default)]
    pub health_listen: Option<SocketAddr>,
    /// Whether TLS 1.2 is spoken with X-Road servers.
    #[serde(default)]
    pub legacy_tls: bool,
    /// Whether many messages share one line with nodes that know how.
    #[serde(default = "default_shared_lines")]
    pub shared_lines: bool,
    /// Where X-Road servers fetch this node's OCSP responses.
    #[serde(default)]
    pub ocsp_listen: Option<SocketAddr>,
    /// How long the fastest of a provider's servers is preferred, in seconds.
    #[serde(default = "default_fastest")]
    pub fastest_server_seconds: u64,
    /// File with the certificates that vouch for the authority's https address.
    #[serde(default)]
    pub authority_ca: Option<PathBuf>,
    /// How the systems of each subsystem show who they are.
    #[serde(default)]
    pub systems: BTreeMap<String, SystemAccess>,
    /// The same for the member itself, a client without subsystem.
    #[serde(default)]
    pub member_systems: Option<SystemAccess>,
    /// REST services of the body's own systems.
    #[serde(default)]
    pub services: BTreeMap<String, exchange::services::Offered>,
    /// Groups of clients, for rights on those services.
    #[serde(default)]
    pub groups: BTreeMap<String, exchange::services::LocalGroup>,
    /// The authority's address.
    pub authority: String,
    /// File of the instance's configuration anchor, beside the settings; an authority needs none of its own.
    #[serde(default = "default_anchor")]
    pub anchor: String,
    /// How long a configuration that this body publishes as authority holds, in seconds.
    #[serde(default = "default_configuration")]
    pub configuration_seconds: i64,
    /// The authority's key as a witness.
    #[serde(default)]
    pub witness_key: String,
    /// SHA-256 of the authority's register key, for a body that joined by a link.
    #[serde(default)]
    pub authority_pin: String,
    /// Spelling of error codes.
    #[serde(default = "default_spelling")]
    pub spelling: String,
    /// Whether messages that leave at the same moment share a signature.
    #[serde(default)]
    pub signatures: exchange::settings::Signatures,
    /// Largest message, in bytes.
    #[serde(default = "default_message_bytes")]
    pub message_bytes_max: usize,
    /// Largest message that the journal keeps whole, in bytes.
    #[serde(default = "default_message_bytes")]
    pub logged_bytes_max: usize,
    /// Seconds between two batches of time stamps.
    pub stamp_every_seconds: u64,
    /// Age of the oldest message without time stamp, in seconds, after which none is taken; 0 for no such limit.
    pub stamp_grace_seconds: i64,
    /// Limits of disk and clock.
    #[serde(default)]
    pub guard: exchange::guard::GuardSettings,
    /// Archives of the message log.
    #[serde(default)]
    pub archive: exchange::archive::ArchiveSettings,
    /// Codes of subsystems whose messages are logged without what was said.
    #[serde(default)]
    pub body_log_off: Vec<String>,
    /// Limits of what waits for delivery.
    #[serde(default)]
    pub deliver: exchange::deliver::DeliverSettings,
    /// Topics that this body publishes, by name.
    #[serde(default)]
    pub topics: BTreeMap<String, exchange::deliver::TopicSettings>,
}

/// Section `[exchange.systems.CODE]`: who may speak for the subsystem with this code; `[exchange.member_systems]`: who
/// may for the member itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemAccess {
    /// `http`, `https` or `mutual`.
    #[serde(default)]
    pub authentication: exchange::settings::Authentication,
    /// Certificates of systems: PEM files, or SHA-256 digests in hex.
    #[serde(default)]
    pub certificates: Vec<String>,
}

/// Section `[office]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Office {
    /// Procedures offered.
    pub procedures: Vec<String>,
    /// `midnight` or a time of day.
    pub cut_off: String,
    /// The norm behind it.
    pub cut_off_source: String,
    /// Services that state facts.
    pub facts: BTreeMap<String, ServiceId>,
    /// Names of the registries behind those services, for people.
    pub names: BTreeMap<String, String>,
}

fn default_zone() -> String {
    "UTC".into()
}

fn default_spelling() -> String {
    "snake".into()
}

/// X-Road's period.
fn default_fastest() -> u64 {
    3_600
}

const fn default_shared_lines() -> bool {
    true
}

fn default_message_bytes() -> usize {
    10 * 1024 * 1024
}

fn default_anchor() -> String {
    "anchor.xml".to_owned()
}

/// A day: X-Road's ten minutes are too short for a line that is away for a night.
fn default_configuration() -> i64 {
    86_400
}

fn default_server() -> String {
    "SS1".into()
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            origin: "http://localhost:8080".into(),
            tls_certificate: None,
            tls_key: None,
            requests_per_minute: 1800,
        }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            url: "sqlite:store.db".into(),
            documents: "documents".into(),
        }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            folder: "keys".into(),
            passphrase_file: "passphrase".into(),
            passphrase: None,
        }
    }
}

impl Default for Office {
    fn default() -> Self {
        Self {
            procedures: Vec::new(),
            cut_off: "midnight".into(),
            cut_off_source: String::new(),
            facts: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Reads the settings in `path`, with the environment's `TAMBO_<SECTION>_<KEY>` on top.
    ///
    /// # Errors
    /// The file can't be read, isn't TOML, lacks a key, or has one that is not known.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        Self::read_with(path, std::env::vars())
    }

    /// Reads the settings in `path` alone: the environment of a process with many bodies speaks for none of them.
    ///
    /// # Errors
    /// As [`Settings::read`].
    pub fn read_alone(path: &Path) -> Result<Self, SettingsError> {
        Self::read_with(path, std::iter::empty())
    }

    fn read_with(
        path: &Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let size = std::fs::metadata(path)
            .map_err(|e| SettingsError::file(path, e))?
            .len();
        if size > FILE_BYTES_MAX {
            return Err(SettingsError::file(path, "it is larger than 512 KiB"));
        }
        let text = std::fs::read_to_string(path).map_err(|e| SettingsError::file(path, e))?;
        let mut settings = Self::parse(&text, environment).map_err(|e| e.within(path))?;
        let parent = path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        settings.folder = parent.to_path_buf();
        Ok(settings)
    }

    /// Reads settings from text, with `environment` on top.
    ///
    /// # Errors
    /// As [`Settings::read`].
    pub fn parse(
        text: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let mut table: toml::Table = toml::from_str(text).map_err(SettingsError::syntax)?;
        for (name, value) in environment {
            overlay(&mut table, &name, &value);
        }
        let settings: Self = table.try_into().map_err(SettingsError::key)?;
        settings.checked()
    }

    fn checked(self) -> Result<Self, SettingsError> {
        let code_fits = !self.body.code.is_empty()
            && self.body.code.len() <= 32
            && self
                .body
                .code
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !code_fits {
            return Err(SettingsError::value(
                "body.code",
                "use 1 to 32 lower-case letters, digits or hyphens",
            ));
        }
        if self.pages.tls_certificate.is_some() != self.pages.tls_key.is_some() {
            return Err(SettingsError::value(
                "pages.tls_key",
                "give both tls_certificate and tls_key, or neither",
            ));
        }
        let pin = &self.exchange.authority_pin;
        if !pin.is_empty() && registry::Pin::parse(pin).is_none() {
            return Err(SettingsError::value(
                "exchange.authority_pin",
                "64 hexadecimal digits, as `tambo init --join` writes them",
            ));
        }
        for (code, registry) in &self.registry {
            registry.checked(code).map_err(SettingsError::described)?;
        }
        Ok(self)
    }

    /// `path` as seen from the settings file.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The certificates that vouch for the authority's https address, if a file is named.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn authority_ca(&self) -> Result<Option<String>, Problem> {
        let Some(file) = &self.exchange.authority_ca else {
            return Ok(None);
        };
        let file = self.path(file);
        let text = std::fs::read_to_string(&file);
        let told = |error| {
            Problem(format!(
                "[exchange] authority_ca {}: {error}",
                file.display()
            ))
        };
        text.map(Some).map_err(told)
    }

    /// The store's address with a file path made absolute.
    pub fn store_url(&self) -> String {
        match self.store.url.strip_prefix("sqlite:") {
            Some(path) => format!("sqlite:{}", self.path(Path::new(path)).display()),
            None => self.store.url.clone(),
        }
    }

    /// The folder of the store's file; none if the store is on another machine.
    pub fn store_folder(&self) -> Option<PathBuf> {
        let file = self.path(Path::new(self.store.url.strip_prefix("sqlite:")?));
        let folder = file.parent()?.to_path_buf();
        let here = || PathBuf::from(".");
        Some(if folder.as_os_str().is_empty() {
            here()
        } else {
            folder
        })
    }

    /// This member.
    pub fn member(&self) -> MemberId {
        MemberId::new(
            &self.exchange.instance,
            &self.exchange.class,
            &self.exchange.member,
        )
    }

    /// This member's subsystem.
    pub fn subsystem(&self) -> SubsystemId {
        self.member().subsystem(&self.exchange.subsystem)
    }

    /// This member's server.
    pub fn server(&self) -> ServerId {
        self.member().server(&self.exchange.server)
    }

    /// Whether the body plays `part`.
    pub fn is(&self, part: Part) -> bool {
        self.body.roles.contains(&part)
    }

    /// Whether pages come over TLS (from here or from a proxy in front).
    pub fn secure(&self) -> bool {
        self.pages.origin.starts_with("https://")
    }
}

/// Puts `TAMBO_<SECTION>_<KEY>` into its place; other variables are left alone.
fn overlay(table: &mut toml::Table, name: &str, value: &str) {
    let Some(rest) = name.strip_prefix("TAMBO_") else {
        return;
    };
    let Some((section, key)) = rest.split_once('_') else {
        return;
    };
    let section = section.to_ascii_lowercase();
    if !["body", "pages", "store", "keys", "exchange", "office"].contains(&section.as_str()) {
        return;
    }
    let parsed = toml::from_str::<toml::Table>(&format!("v = {value}"))
        .ok()
        .and_then(|mut one| one.remove("v"))
        .filter(|one| !one.is_datetime())
        .unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let entry = table
        .entry(section)
        .or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if let Some(inner) = entry.as_table_mut() {
        inner.insert(key.to_ascii_lowercase(), parsed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, SettingsError> {
        Settings::parse(text, std::iter::empty())
    }

    #[test]
    fn the_template_is_complete_and_true() {
        let settings = read(TEMPLATE).expect("the template parses");
        assert_eq!(settings.pages.listen, Pages::default().listen);
        let shown = TEMPLATE.to_owned();
        let all = toml::Table::try_from(&settings).expect("settings are a table");
        for (section, inner) in all {
            for key in inner.as_table().expect("a section").keys() {
                assert!(
                    [format!("{key} = "), format!(".{key}]"), format!(".{key}.")]
                        .iter()
                        .any(|form| shown.contains(form)),
                    "{section}.{key}"
                );
            }
        }
        let uncommented = TEMPLATE
            .replace("\n#", "\n")
            .lines()
            .filter(|l| l.contains(" = ") || l.starts_with('['))
            .collect::<Vec<_>>()
            .join("\n");
        read(&uncommented).expect("the examples parse too");
    }

    #[test]
    fn a_mistyped_key_names_the_nearest_known_one() {
        let wrong = TEMPLATE.replace("requests_per_minute", "request_per_minutes");
        let message = read(&wrong).expect_err("not known").to_string();
        assert!(
            message.contains("requests_per_minute") && message.contains("request_per_minutes"),
            "{message}"
        );
    }

    #[test]
    fn the_environment_takes_precedence() {
        let variables = [
            ("TAMBO_PAGES_LISTEN", "127.0.0.1:9"),
            ("TAMBO_BODY_SIMULATED", "true"),
            ("PATH", "x"),
        ];
        let settings = Settings::parse(
            TEMPLATE,
            variables.iter().map(|(a, b)| ((*a).into(), (*b).into())),
        );
        let settings = settings.expect("parses");
        assert_eq!(settings.pages.listen.port(), 9);
        assert!(settings.body.simulated);
    }

    #[test]
    fn values_that_cannot_work_are_refused_with_what_to_do() {
        for (from, to, hint) in [
            ("\"ollantaytambo\"", "\"Ollanta Tambo\"", "lower-case"),
            ("#tls_key", "tls_key", "both"),
            ("\"127.0.0.1:8080\"", "\"here\"", "listen"),
            ("roles = [\"office\"]", "roles = [\"ofice\"]", "office"),
        ] {
            let message = read(&TEMPLATE.replacen(from, to, 1))
                .expect_err(from)
                .to_string();
            assert!(message.contains(hint), "{message}");
        }
    }
}
