//! A node follows its instance's configuration through rotations, restarts, old editions and absent sources.

use std::time::Instant;

use store::testing::{Folder, both_at, sqlite};
use trust::ca::DAY;
use trust::globalconf::{Member, Party, Server, Subsystem};

use crate::Exchange;
use crate::testing::{Country, clock, member};

#[tokio::test]
async fn keys_rotate_and_what_is_kept_survives() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let country = Country::new(time.clone()).await;
            let node = country.body("MUNI", &["licencias"], store).await;
            country.publish(DAY, &[&node]).await;
            let new = country.new_key();
            // A key that was not announced is not followed.
            let old = country.key();
            country.sign_with(new.clone());
            time.advance(1);
            assert!(country.try_publish(DAY, &node).await.is_err());
            // Announced under the old key, then used: followed, though the anchor still names the old one alone.
            country.sign_with(old);
            country.change(|params| params.sources[0].internal.push(new.1.clone()));
            time.advance(1);
            country.publish(DAY, &[&node]).await;
            country.sign_with(new);
            time.advance(1);
            country.publish(DAY, &[&node]).await;
            // The next edition forgets the old key; a restart with the old anchor goes on.
            country.change(|params| drop(params.sources[0].internal.remove(0)));
            time.advance(1);
            country.publish(DAY, &[&node]).await;
            country.set_away(true);
            let restarted = Exchange::new(node.parts()).await.unwrap();
            let view = restarted.directory().unwrap();
            assert_eq!(view.published_at(), Some(kernel::Clock::now(&*time)));
            assert!(view.knows(&member("MUNI").subsystem("licencias")));
            country.set_away(false);
            time.advance(1);
            country.sign_again(DAY);
            restarted.refresh_directory().await.unwrap();
            // Another anchor: nothing kept counts.
            let mut parts = node.parts();
            parts.settings.anchor = country
                .anchor()
                .replace("<instanceIdentifier>", "\n<instanceIdentifier>");
            assert!(Exchange::new(parts).await.unwrap().directory().is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn expired_older_and_foreign_editions_are_not_taken() {
    let time = clock();
    let folder = Folder::new();
    let country = Country::new(time.clone()).await;
    let store = sqlite(&folder, time.clone()).await;
    let node = country.body("MUNI", &["licencias"], store).await;
    country.publish(600, &[&node]).await;
    let first = country.published();
    time.advance(60);
    country.publish(600, &[&node]).await;
    let held = |at: i64| {
        node.exchange
            .directory()
            .unwrap()
            .is_current(kernel::Clock::now(&*time).plus_seconds(at))
    };
    assert!(held(600) && !held(601));
    assert!(
        node.exchange.take_configuration(&first).await.is_err(),
        "played back"
    );
    // A shorter validity is no step back: the moment of making counts.
    time.advance(60);
    country.publish(60, &[&node]).await;
    assert!(held(60) && !held(61));
    time.advance(61);
    assert!(node.exchange.refresh_directory().await.is_err(), "over");
    country.change(|params| params.instance = "BO".to_owned());
    country.change(|params| params.members.clear());
    country.change(|params| params.servers.clear());
    assert!(
        country.try_publish(600, &node).await.is_err(),
        "another instance"
    );
}

/// What ten thousand members cost: `cargo test --release -p exchange --lib ten_thousand -- --ignored --nocapture` prints
/// it for `docs/performance.md`.
#[tokio::test]
#[ignore = "a measurement, not a test; worth running with --release"]
async fn ten_thousand_members() {
    const MEMBERS: usize = 10_000;
    let time = clock();
    let folder = Folder::new();
    let country = Country::new(time.clone()).await;
    let store = sqlite(&folder, time.clone()).await;
    let node = country.body("MUNI", &["licencias"], store).await;
    country.change(|params| {
        for number in 0..MEMBERS {
            let id = member(&format!("2{number:010}"));
            let code = format!("subsistema-{}", number % 7);
            params.servers.push(Server {
                id: id.server("s1"),
                address: format!("nodo-{number}.gob.example"),
                auth_cert_hashes: vec![trust::Hash::Sha256.digest(id.code.as_bytes())],
                clients: vec![Party::Subsystem(id.subsystem(&code))],
                maintenance: None,
            });
            let name = Some("Mesa de partes".to_owned());
            params.members.push(Member {
                name: format!("Municipalidad Distrital {number}"),
                subsystems: vec![Subsystem { code, name }],
                id,
            });
        }
    });
    let began = Instant::now();
    country.sign_again(DAY);
    let written = began.elapsed();
    let size: usize = country
        .published()
        .files
        .iter()
        .map(|file| file.bytes.len())
        .sum();
    let (before, began) = (resident(), Instant::now());
    node.exchange.refresh_directory().await.unwrap();
    let (taken, memory) = (began.elapsed(), resident() - before);
    time.advance(60);
    country.sign_again(DAY);
    let began = Instant::now();
    node.exchange.refresh_directory().await.unwrap();
    let renewed = began.elapsed();
    let view = node.exchange.directory().unwrap();
    let asked = member("20000005000").subsystem("subsistema-2");
    let began = Instant::now();
    for _ in 0..MEMBERS {
        assert!(view.knows(&asked) && view.servers_of(&asked).count() == 1);
    }
    let looked_up = began.elapsed() / u32::try_from(MEMBERS).unwrap();
    println!(
        "{MEMBERS} members: {size} bytes, written and signed in {written:?}; fetched, checked, read and kept in \
         {taken:?} with {memory} KiB more resident; renewed in {renewed:?}; a look-up takes {looked_up:?}"
    );
}

/// Resident memory of this process, in KiB; 0 where nobody tells.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}
