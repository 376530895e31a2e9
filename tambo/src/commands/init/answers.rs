//! What `init` asks, what it takes as an answer, and the settings that follow.

use std::io::{BufRead, IsTerminal, Write};

use super::InitOptions;
use crate::commands::Problem;
use crate::country;
use crate::settings::TEMPLATE;

/// What the engineer answered.
pub struct Answers {
    /// Name of the body.
    pub name: String,
    /// Its own number.
    pub number: String,
    /// The address that people type.
    pub origin: String,
    /// Number of the first administrator.
    pub administrator: String,
    /// Name of the first administrator.
    pub administrator_name: String,
    /// Where other servers reach this one; empty if nobody asked for it.
    pub address: String,
}

impl Answers {
    /// Asks what the options don't say; for a body that others reach, its address too.
    ///
    /// # Errors
    /// Nobody is there to answer, or an answer is missing.
    pub fn ask(options: &InitOptions, reached: bool) -> Result<Self, Problem> {
        Ok(Self {
            name: answer(options.name.as_ref(), "Name of the body")?,
            number: answer(options.number.as_ref(), "The body's own number (RUC)")?,
            origin: answer(
                options.origin.as_ref(),
                "Address that people will type, for example https://tramites.example.gob.pe",
            )?,
            address: match reached {
                true => answer(
                    options.address.as_ref(),
                    "Where other bodies' servers reach this one, for example tramites.example.gob.pe:5500",
                )?,
                false => options.address.clone().unwrap_or_default(),
            },
            administrator: answer(
                options.administrator.as_ref(),
                "National number of the first administrator (DNI)",
            )?,
            administrator_name: answer(
                options.administrator_name.as_ref(),
                "Name of the first administrator",
            )?,
        })
    }

    /// The administrator's number, once every answer can be what it should be.
    ///
    /// # Errors
    /// An answer can't be; the text names it.
    pub fn checked(&self) -> Result<String, Problem> {
        let told = |text: &str, error: &dyn std::fmt::Display| Problem(format!("{text}: {error}"));
        country::body_number()
            .parse(&self.number)
            .map_err(|error| told(&self.number, &error))?;
        if self.host().is_empty() || self.host().contains(['/', ' ', '?', '#']) {
            let problem = "write http:// or https:// and the host, without a path";
            return Err(told(&self.origin, &problem));
        }
        let name = self
            .host()
            .rsplit_once(':')
            .map_or(self.host(), |(name, _)| name);
        if name
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok()
        {
            let problem =
                "write a host name (localhost is one): passkeys can't be bound to an IP address";
            return Err(told(&self.origin, &problem));
        }
        if !self.address.is_empty() && !registry::domain::names::address(&self.address) {
            return Err(told(&self.address, &"write HOST:PORT"));
        }
        country::person_number()
            .parse(&self.administrator)
            .map_err(|error| told(&self.administrator, &error))
    }

    /// Host and port of the origin; empty if it is no origin.
    fn host(&self) -> &str {
        ["http://", "https://"]
            .iter()
            .find_map(|scheme| self.origin.strip_prefix(scheme))
            .unwrap_or("")
    }

    /// Where pages listen: behind a proxy on this machine for HTTPS; otherwise on the origin's port, on loopback only if
    /// the origin is this machine's.
    pub fn listen(&self) -> String {
        let host = self.host();
        let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
        match self.origin.starts_with("https://") {
            true => "127.0.0.1:8080".to_owned(),
            false => format!("{}:{port}", own_side(name)),
        }
    }

    /// Where other servers' connections are taken.
    pub fn exchange_listen(&self) -> String {
        let (host, port) = self.address.rsplit_once(':').unwrap_or(("", "5500"));
        format!("{}:{port}", own_side(host))
    }

    /// The address at which machines reach what this authority signs: status, time stamps, configuration. It is plain
    /// HTTP, as everywhere for these, since every answer is signed in itself.
    pub fn services(&self) -> String {
        format!("http://{}", self.host())
    }

    /// A short code for the body.
    pub fn code(&self) -> String {
        self.name
            .to_lowercase()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .rfind(|word| word.len() > 3)
            .unwrap_or("body")
            .chars()
            .take(32)
            .collect()
    }
}

/// Loopback stays on loopback; everything else is taken on all of the machine's addresses.
fn own_side(host: &str) -> &'static str {
    match host == "localhost" || host.starts_with("127.") {
        true => "127.0.0.1",
        false => "0.0.0.0",
    }
}

/// A value as TOML text.
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The template with these values in it, comments and all.
pub fn settings(pairs: &[(&str, String)]) -> String {
    let line = |line: &str| {
        let known = pairs
            .iter()
            .find(|(key, _)| line.split(" = ").next() == Some(key));
        known.map_or_else(
            || line.to_owned(),
            |(key, value)| format!("{key} = {value}"),
        )
    };
    TEMPLATE.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

fn answer(given: Option<&String>, question: &str) -> Result<String, Problem> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Problem(format!(
            "{question}: not given, and nobody is there to ask; see `tambo init --help`"
        )));
    }
    print!("{question}: ");
    std::io::stdout().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    match line.trim() {
        "" => Err(Problem(format!("{question}: an answer is needed"))),
        text => Ok(text.to_owned()),
    }
}
