//! A body that is an authority: its own, or an instance's that others join.

use kernel::Actor;

use super::answers::{Answers, quoted, settings};
use super::{InitOptions, administrator, lay, next};
use crate::commands::{Outcome, Problem};
use crate::house::House;
use crate::serve;

/// Founds it.
///
/// # Errors
/// An answer can't be, or something can't be made.
pub async fn run(options: &InitOptions) -> Outcome {
    let answers = Answers::ask(options, options.authority)?;
    // A typing error must not leave half a body behind, which a second try would not touch.
    let number = answers.checked()?;
    if options.instance.len() != 2 || !options.instance.bytes().all(|c| c.is_ascii_uppercase()) {
        return Err(Problem(format!(
            "--instance {}: two upper-case letters",
            options.instance
        )));
    }
    let text = match options.authority {
        true => instance_settings(options, &answers),
        false => own_settings(options, &answers),
    };
    let ground = lay(options, &text).await?;
    let code = administrator(&ground, &answers, &number).await?;
    let house = serve::open_on(ground).await?;
    if let Some(authority) = &house.authority {
        let settings = &house.ground.settings;
        let anchor = settings.path(settings.exchange.anchor.as_ref());
        std::fs::write(anchor, authority.anchor())?;
    }
    explain(options, &house).await?;
    next(options, &house.ground.settings, &code);
    house.ground.store.close().await;
    Ok(())
}

/// A body alone.
fn own_settings(options: &InitOptions, answers: &Answers) -> String {
    let mut pairs = vec![
        ("code", quoted(&answers.code())),
        ("name", quoted(&answers.name)),
        ("place", quoted("")),
        // A procedure asks registries: it is offered once [office.facts] names them.
        ("procedures", "[]".to_owned()),
        ("roles", "[\"authority\", \"office\"]".to_owned()),
        ("origin", quoted(&answers.origin)),
        ("member", quoted(&answers.number)),
        ("authority", quoted("http://127.0.0.1:8080")),
    ];
    if let Some(subsystem) = &options.subsystem {
        pairs.push(("subsystem", quoted(subsystem)));
    }
    settings(&pairs)
}

/// The authority of an instance.
fn instance_settings(options: &InitOptions, answers: &Answers) -> String {
    let subsystem = options.subsystem.as_deref().unwrap_or("PLATAFORMA");
    let text = settings(&[
        ("code", quoted(&answers.code())),
        ("name", quoted(&answers.name)),
        ("place", quoted("")),
        ("procedures", "[]".to_owned()),
        ("roles", "[\"authority\"]".to_owned()),
        ("origin", quoted(&answers.origin)),
        ("instance", quoted(&options.instance)),
        ("class", quoted(&options.class)),
        ("member", quoted(&answers.number)),
        ("subsystem", quoted(subsystem)),
        ("address", quoted(&answers.address)),
        ("authority", quoted(&answers.services())),
    ]);
    listening(&text, answers)
}

/// Puts the two listeners' addresses in, whose keys have the same name: the first is of the pages.
pub fn listening(text: &str, answers: &Answers) -> String {
    let mut all = [answers.listen(), answers.exchange_listen()].into_iter();
    let line = |line: &str| match line.starts_with("listen = ") {
        true => all
            .next()
            .map_or_else(|| line.to_owned(), |to| format!("listen = {}", quoted(&to))),
        false => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

async fn explain(options: &InitOptions, house: &House) -> Outcome {
    let settings = &house.ground.settings;
    let folder = options.folder();
    println!("{} is set up in {}:", settings.body.name, folder.display());
    println!("  settings.toml   every key is explained in it");
    println!(
        "  passphrase      opens the keys; copy it to another place, without it a backup is worth nothing"
    );
    println!("  keys/           private keys, encrypted");
    println!("  certificates/   issued by the body's own authority");
    println!("  store.db        the data; documents/ the files");
    let Some(authority) = &house.authority else {
        return Ok(());
    };
    if !options.authority {
        println!("It is its own authority; `tambo registry link` invites other bodies.");
        return Ok(());
    }
    let link = authority
        .register
        .make_link(&Actor::system("init"), None)
        .await?;
    println!(
        "\nIt is the authority of instance {}. A link for the first body that joins, good once and for seven days:\n",
        settings.exchange.instance
    );
    println!("  {link}\n");
    println!(
        "Give it to that body's engineer by a safe way; they type: tambo init --join 'LINK' DIR"
    );
    println!(
        "Then compare fingerprints and approve: {}/registry, or `tambo registry list`",
        settings.pages.origin
    );
    Ok(())
}
