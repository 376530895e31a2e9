//! A body's dealings with its authority's register: joining, renewal of certificates, and changes.
//!
//! Read by `init --join`, by `serve` and by `tambo member`. It promises that an application is on disk before it is sent,
//! that a certificate is kept only if it belongs to the key that asked, and that certificates are renewed two months
//! before they end. It refuses to go on with a body that nobody approved.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Fault, FaultKind, Id};
use registry::apply::Receipt;
use registry::certificates::{AUTH, SEAL, SIGN};
use registry::join::{Authority, JoinError, OwnKeys};
use registry::{Envelope, Pin, Pins, Requests, Wish};
use serde::{Deserialize, Serialize};
use trust::Certificate;
use trust::ca::DAY;
use trust::keys::Algorithm;
use web::{Room, Timer};

use crate::commands::{Outcome, Problem};
use crate::credentials;
use crate::house::Ground;
use crate::settings::Settings;

/// An application that waits, beside the settings.
const JOINING: &str = "joining.json";
/// A renewal that waits.
const RENEWAL: &str = "renewal.json";
/// How often a waiting body asks: soon enough that the two people on the telephone see it happen.
const ASK_EVERY: Duration = Duration::from_secs(3);
/// How often certificates' ends are looked at.
const RENEW_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// An application on its way.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joining {
    envelope: Envelope,
    number: Option<Id>,
    #[serde(skip)]
    file: &'static str,
}

impl Joining {
    /// An application for `wish`, signed with the body's signing key; a join with its connection key and the link's
    /// secret too.
    ///
    /// # Errors
    /// A key can't be used.
    pub fn new(
        ground: &Ground,
        far: &Authority,
        wish: Wish,
        secret: Option<&[u8]>,
    ) -> Result<Self, Problem> {
        let (sign, auth) = (ground.keys.signer(SIGN)?, ground.keys.signer(AUTH)?);
        let file = match wish {
            Wish::Join { .. } => JOINING,
            _ => RENEWAL,
        };
        let signers = match secret {
            Some(_) => vec![&sign, &auth],
            None => vec![&sign],
        };
        let application = far.application(&ground.settings.server(), wish);
        Ok(Self {
            envelope: Envelope::sign(&application, &signers, secret)?,
            number: None,
            file,
        })
    }

    fn read(settings: &Settings, file: &'static str) -> Result<Option<Self>, Problem> {
        let path = settings.path(file.as_ref());
        if !path.exists() {
            return Ok(None);
        }
        let told = |error: &dyn std::fmt::Display| Problem(format!("{}: {error}", path.display()));
        let text = std::fs::read_to_string(&path).map_err(|error| told(&error))?;
        let mut read: Self = serde_json::from_str(&text).map_err(|error| told(&error))?;
        read.file = file;
        Ok(Some(read))
    }

    /// Writes it beside the settings, on disk before this returns.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn keep(&self, settings: &Settings) -> Outcome {
        let path = settings.path(self.file.as_ref());
        let partial = path.with_extension("partial");
        std::fs::write(&partial, serde_json::to_string(self)?)?;
        crate::commands::private(&partial)?;
        std::fs::File::open(&partial)?.sync_all()?;
        Ok(std::fs::rename(partial, path)?)
    }

    /// Sends it, or asks how far it is.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub async fn send(&mut self, far: &Authority) -> Result<Receipt, JoinError> {
        let receipt = match self.number {
            Some(number) => far.standing(number).await?,
            None => far.apply(&self.envelope).await?,
        };
        self.number = Some(receipt.number);
        Ok(receipt)
    }

    /// What both screens show.
    pub fn fingerprint(&self) -> String {
        registry::domain::compared(&self.envelope.digest())
    }

    fn place(&self, settings: &Settings) -> PathBuf {
        settings.path(self.file.as_ref())
    }
}

/// The authority that this body joined, if it joined one by a link.
pub fn authority(ground: &Ground) -> Option<Authority> {
    let own = &ground.settings.exchange;
    let pin = Pin::parse(&own.authority_pin)?;
    let (clock, chance) = (ground.clock.clone(), ground.chance.clone());
    Some(Authority::new(&own.authority, pin, clock, chance))
}

/// Certificate requests of the body's three keys, which are made if they are not there.
///
/// # Errors
/// A key can't be made, or a name is too long for a certificate.
pub fn requests(ground: &Ground) -> Result<Requests, Problem> {
    let key = |label| ground.keys.signer_or_create(label, Algorithm::P256);
    let (auth, sign, seal) = (key(AUTH)?, key(SIGN)?, key(SEAL)?);
    let keys = OwnKeys {
        auth: &auth,
        sign: &sign,
        seal: &seal,
    };
    let settings = &ground.settings;
    let (name, address) = (&settings.body.name, &settings.exchange.address);
    Ok(keys.requests(name, &settings.server(), address)?)
}

/// Keeps what the authority's card says about its configuration.
///
/// # Errors
/// The folder can't be written.
pub fn keep_anchor(settings: &Settings, pins: &Pins) -> Outcome {
    if pins.anchor.is_empty() {
        return Ok(());
    }
    let path = settings.path(settings.exchange.anchor.as_ref());
    Ok(std::fs::write(path, &pins.anchor)?)
}

/// Refuses a body whose application waits; the text says for what.
///
/// # Errors
/// It waits, or the file can't be read.
pub fn must_be_approved(settings: &Settings) -> Outcome {
    match Joining::read(settings, JOINING)? {
        None => Ok(()),
        Some(joining) => Err(Problem(format!(
            "{} waits for approval: application {}, fingerprint {}; `tambo serve` collects the decision",
            settings.body.name,
            joining
                .number
                .map_or_else(|| "not sent yet".to_owned(), |number| number.to_string()),
            joining.fingerprint()
        ))),
    }
}

/// Waits for the decision about a body that joins, and collects its certificates. Returns at once for every other.
///
/// # Errors
/// The authority refused; the text says why.
pub async fn wait(settings: &Settings, clock: &Arc<dyn kernel::Clock>) -> Outcome {
    if Joining::read(settings, JOINING)?.is_none() {
        return Ok(());
    }
    let ground = Ground::lay(settings.clone(), clock.clone()).await?;
    while !asked(&ground).await? {
        tokio::time::sleep(ASK_EVERY).await;
    }
    ground.store.close().await;
    Ok(())
}

/// Asks once for the decision about a body that joins; for a process that has other bodies to serve meanwhile.
///
/// # Errors
/// It still waits, or the authority refused; the text says which.
pub async fn ask(settings: &Settings, clock: &Arc<dyn kernel::Clock>) -> Outcome {
    if Joining::read(settings, JOINING)?.is_none() {
        return Ok(());
    }
    let ground = Ground::lay(settings.clone(), clock.clone()).await?;
    asked(&ground).await?;
    ground.store.close().await;
    must_be_approved(settings)
}

/// Asks for the decision; tells whether the certificates are here.
async fn asked(ground: &Ground) -> Result<bool, Problem> {
    let settings = &ground.settings;
    let Some(mut joining) = Joining::read(settings, JOINING)? else {
        return Ok(true);
    };
    let far = authority(ground).ok_or_else(|| {
        Problem("[exchange] authority_pin is empty, and an application waits".to_owned())
    })?;
    let (name, first) = (&settings.body.name, joining.number.is_none());
    let receipt = match joining.send(&far).await {
        Ok(receipt) => receipt,
        Err(JoinError::Refused(why)) if first => return Err(Problem(why)),
        Err(error) => {
            tracing::warn!(%error, "the authority gives no answer; it is asked again");
            return Ok(false);
        }
    };
    match receipt.state.as_str() {
        "waiting" => {
            tracing::info!(number = %receipt.number, fingerprint = receipt.fingerprint, "waiting for approval");
            joining.keep(settings)?;
            Ok(false)
        }
        "approved" => {
            collect(ground, &receipt)?;
            std::fs::remove_file(joining.place(settings))?;
            println!("{name}: approved; certificates are here");
            Ok(true)
        }
        state => {
            let why = receipt.why.unwrap_or_default();
            Err(Problem(format!("the authority decided: {state}. {why}")))
        }
    }
}

/// Keeps the certificates of a granted application.
///
/// # Errors
/// One is missing, or belongs to another key.
pub fn collect(ground: &Ground, receipt: &Receipt) -> Outcome {
    let none = || Problem("the approval brings no certificates".to_owned());
    let chains = receipt.certificates.as_ref().ok_or_else(none)?;
    for label in [AUTH, SIGN, SEAL] {
        let chain = Certificate::all_from_pem(chains.get(label).ok_or_else(none)?)?;
        let own = ground.keys.signer(label)?;
        if chain
            .first()
            .is_none_or(|leaf| leaf.spki() != own.spki_der())
        {
            return Err(Problem(format!(
                "the certificate for key `{label}` belongs to another key"
            )));
        }
        ground.credentials.keep(label, &chain)?;
    }
    Ok(())
}

/// What a joined body does by itself: it renews its certificates. The new ones are used from the next start on.
pub fn room(ground: &Ground) -> Option<Room> {
    let far = authority(ground)?;
    let ground = ground.clone();
    let timer = Timer::new("joining.renew", RENEW_EVERY, move || {
        let (ground, far) = (ground.clone(), far.clone());
        async move { renew(&ground, &far).await }
    });
    Some(Room::new("joining").timer(timer))
}

/// Applies for new certificates if one of the three ends soon, or collects those that were applied for.
///
/// # Errors
/// The authority is away or refuses; it is tried again.
pub async fn renew(ground: &Ground, far: &Authority) -> Result<(), Fault> {
    let settings = &ground.settings;
    let broken = |problem: Problem| Fault::internal(problem.0);
    let waiting = Joining::read(settings, RENEWAL).map_err(broken)?;
    let mut joining = match waiting {
        Some(joining) => joining,
        None if !ends_soon(ground).map_err(broken)? => return Ok(()),
        None => {
            let requests = requests(ground).map_err(broken)?;
            let wish = Wish::Certificates { requests };
            let joining = Joining::new(ground, far, wish, None).map_err(broken)?;
            joining.keep(settings).map_err(broken)?;
            joining
        }
    };
    let receipt = match joining.send(far).await {
        Ok(receipt) => receipt,
        Err(JoinError::Refused(why)) if joining.number.is_none() => {
            // The same text would be refused again; a new one is made the next time.
            std::fs::remove_file(joining.place(settings)).map_err(Fault::internal)?;
            return Err(Fault::new(FaultKind::Conflict, "fault-registry-authority").detail(why));
        }
        Err(error) => return Err(error.into()),
    };
    if receipt.state == "waiting" {
        return joining.keep(settings).map_err(broken);
    }
    if receipt.state == "approved" {
        collect(ground, &receipt).map_err(broken)?;
        tracing::info!("new certificates are here; they are used from the next start on");
    } else {
        tracing::warn!(state = receipt.state, why = ?receipt.why, "new certificates were not granted");
    }
    std::fs::remove_file(joining.place(settings)).map_err(Fault::internal)
}

fn ends_soon(ground: &Ground) -> Result<bool, Problem> {
    let limit = ground
        .clock
        .now()
        .plus_seconds(credentials::RENEW_DAYS * DAY);
    let ends = ground.credentials.ends()?;
    Ok(ends
        .iter()
        .any(|(label, end)| [AUTH, SIGN, SEAL].contains(&label.as_str()) && *end < limit))
}
