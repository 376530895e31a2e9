//! A body that joins: keys here, requests to the authority, and what people compare.

use std::sync::Arc;

use kernel::{SystemChance, SystemClock};
use registry::join::{Authority, JoinError};
use registry::{Link, Wish};

use super::answers::{Answers, quoted, settings};
use super::found::listening;
use super::{InitOptions, administrator, lay, next};
use crate::commands::{Outcome, Problem};
use crate::joining::{self, Joining};

/// Code of the subsystem if nobody names another.
const SUBSYSTEM: &str = "TRAMITES";

/// Joins.
///
/// # Errors
/// The link or an answer can't be, the authority is away or not the link's, or it refuses at once.
pub async fn run(options: &InitOptions, link: &str) -> Outcome {
    let link = Link::parse(link)?;
    let far = Authority::new(
        &link.origin,
        link.pin,
        Arc::new(SystemClock),
        Arc::new(SystemChance::default()),
    );
    let card = far.card().await?;
    println!(
        "The authority is {} (instance {}); its key is the one of the link.",
        card.name, card.instance
    );
    let answers = Answers::ask(options, true)?;
    let number = answers.checked()?;
    let subsystem = options.subsystem.as_deref().unwrap_or(SUBSYSTEM);
    let text = settings(&[
        ("code", quoted(&answers.code())),
        ("name", quoted(&answers.name)),
        ("place", quoted("")),
        ("procedures", "[]".to_owned()),
        ("roles", "[\"office\"]".to_owned()),
        ("origin", quoted(&answers.origin)),
        ("instance", quoted(&card.instance)),
        ("class", quoted(&options.class)),
        ("member", quoted(&answers.number)),
        ("subsystem", quoted(subsystem)),
        ("address", quoted(&answers.address)),
        ("authority", quoted(&card.services)),
        ("authority_pin", quoted(&link.pin.to_string())),
        ("witness_key", quoted(&card.pins.witness_key)),
    ]);
    let made = !options.folder().exists();
    let ground = lay(options, &listening(&text, &answers)).await?;
    joining::keep_anchor(&ground.settings, &card.pins)?;
    let code = administrator(&ground, &answers, &number).await?;
    let wish = Wish::Join {
        link: link.id.clone(),
        name: answers.name.clone(),
        subsystems: vec![subsystem.to_owned()],
        address: answers.address.clone(),
        requests: joining::requests(&ground)?,
        log: ground.log_verifier()?.to_string(),
    };
    // On disk before it is sent: a second try sends the very same application, which stays one.
    let mut joining = Joining::new(&ground, &far, wish, Some(&link.secret))?;
    joining.keep(&ground.settings)?;
    let receipt = match joining.send(&far).await {
        Ok(receipt) => receipt,
        Err(error) => {
            ground.store.close().await;
            return Err(undone(options, made, error));
        }
    };
    joining.keep(&ground.settings)?;
    println!(
        "{} is set up in {}.",
        answers.name,
        options.folder().display()
    );
    println!(
        "\nWaiting for approval. Application {}; fingerprint {}",
        receipt.number, receipt.fingerprint
    );
    println!("The authority's official must see the same fingerprint before approving.");
    next(options, &ground.settings, &code);
    ground.store.close().await;
    Ok(())
}

/// Why it was not received. A refused body leaves no folder behind, so that a second try starts anew; one whose authority
/// went away in between sends the same application again from `serve`.
fn undone(options: &InitOptions, made: bool, error: JoinError) -> Problem {
    let folder = options.folder();
    if !matches!(error, JoinError::Refused(_)) {
        let text = format!("{error}; `tambo serve` sends it again");
        return Problem(text);
    }
    if made && let Err(left) = std::fs::remove_dir_all(&folder) {
        tracing::warn!(%left, folder = %folder.display(), "the folder could not be removed");
    }
    error.into()
}
