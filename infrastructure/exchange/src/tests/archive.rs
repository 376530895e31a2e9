//! Archives: all that is stamped, linked over files; a death in between; removal; and bodies that are not logged.

use store::testing::{Folder, both_at, sqlite};
use trust::asic::Container;
use trust::ca::DAY;
use trust::zip;

use super::country::*;
use crate::archive::LIMITS;
use crate::archive::links::{FILE, Links};
use crate::deliver::DeliverError;
use crate::{Half, Settings};

fn read(path: &std::path::Path) -> (Links, Vec<(String, Vec<u8>)>) {
    let archive = zip::read(&std::fs::read(path).unwrap(), LIMITS).unwrap();
    let links = Links::parse(archive.get(FILE).unwrap()).unwrap();
    let entries = archive.entries.into_iter();
    let files = entries.filter(|entry| entry.name != FILE);
    (
        links,
        files.map(|entry| (entry.name, entry.bytes)).collect(),
    )
}

/// An independent reading of the links: Python's own hashes and ZIP reader.
const PYTHON: &str = r#"
import hashlib, sys, zipfile
before = ("-", "-")
for path in sys.argv[1:]:
    archive = zipfile.ZipFile(path)
    lines = archive.read("linkinginfo").decode().splitlines()
    digest, name, algorithm = lines[0].split(" ")
    assert (digest, name) == before, (digest, name, before)
    h = lambda data: hashlib.new(algorithm.replace("-", "").lower(), data).hexdigest()
    last = "" if digest == "-" else digest
    listed = []
    for line in lines[1:]:
        want, container = line.split(" ")
        last = h((last + h(archive.read(container))).encode())
        assert last == want, container
        listed.append(container)
    assert sorted(listed + ["linkinginfo"]) == sorted(archive.namelist())
    before = (last, path.rsplit("/", 1)[-1])
print("good", len(listed))
"#;

#[tokio::test]
async fn archives_rest_on_each_other_and_what_is_removed_is_in_them() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        archived(store, time)
    })
    .await;
}

async fn archived(store: store::Store, time: std::sync::Arc<kernel::SetClock>) {
    let folder = Folder::new();
    let other = sqlite(&folder, time.clone()).await;
    let (country, muni, reniec) = pair(time.clone(), other, store).await;
    let out = folder.path().join("archive");
    muni.exchange.ask(question()).await.unwrap();
    let none = reniec.exchange.write_archives(&out, 0, None).await.unwrap();
    assert_eq!(none.containers, 0, "nothing is stamped yet, or old enough");
    for _ in 0..2 {
        muni.exchange.ask(question()).await.unwrap();
        reniec.exchange.stamp().await.unwrap();
    }
    let first = archive_after(&time, &reniec, &out).await;
    assert_eq!((first.files.len(), first.containers), (1, 6));
    muni.exchange.ask(question()).await.unwrap();
    reniec.exchange.stamp().await.unwrap();
    // The process dies after it wrote the file and before it said so: the same file is written again.
    let mut tx = reniec.exchange.inner.store.begin().await.unwrap();
    let now = reniec.exchange.inner.clock.now();
    crate::sql::archive::begin(&mut tx, 2, "mlog-1-2-feed.zip", now)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let second = archive_after(&time, &reniec, &out).await;
    assert_eq!(second.files[0].file_name().unwrap(), "mlog-1-2-feed.zip");
    assert_eq!(second.containers, 2);
    let (links, files) = read(&first.files[0]);
    let named: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), &b[..])).collect();
    links.check(&named).unwrap();
    let params = reniec.exchange.shared_params().unwrap();
    for (name, bytes) in &files {
        Container::read(bytes).unwrap().verify_signature().unwrap();
        let judged = trust::asic::verify_container(bytes, &params, now);
        assert!(judged.is_valid(), "{name}: {:?}", judged.verdict);
    }
    let python = std::process::Command::new("python3")
        .args(["-c", PYTHON])
        .args([&first.files[0], &second.files[0]])
        .output()
        .expect("Python is there");
    let said = String::from_utf8_lossy(&python.stdout).into_owned();
    assert_eq!(
        said,
        "good 2\n",
        "{}",
        String::from_utf8_lossy(&python.stderr)
    );
    // Removed are records; rows, stamps and log stay.
    let again = reniec
        .exchange
        .write_archives(&out, 0, Some(0))
        .await
        .unwrap();
    assert!(again.files.is_empty() && again.emptied >= 1, "{again:?}");
    let asked = reniec.exchange.questions_about("40000001").await.unwrap();
    assert_eq!(asked.len(), 4);
    let gone = reniec
        .exchange
        .container(&asked[3].number, Half::Request)
        .await;
    assert_eq!(gone.unwrap_err().key, "fault-exchange-archived");
    reniec.exchange.inner.log.sequence().await.unwrap();
    assert!(reniec.exchange.inner.log.check().await.unwrap().is_sound());
    muni.exchange.ask(question()).await.unwrap();
    drop(country);
}

async fn archive_after(
    time: &kernel::SetClock,
    node: &Node,
    out: &std::path::Path,
) -> crate::archive::Archived {
    time.advance(150);
    node.exchange.write_archives(out, 0, None).await.unwrap()
}

#[tokio::test]
async fn of_a_subsystem_whose_bodies_are_not_logged_only_names_and_numbers_stay() {
    let (time, folder) = (clock(), Folder::new());
    let store = || sqlite(&folder, time.clone());
    let country = Country::new(time.clone()).await;
    let silent = |settings: &mut Settings| settings.body_log_off = vec!["registro".into()];
    let muni = country.body("MUNI", &["licencias"], store().await).await;
    let reniec = country
        .body_with("RENIEC", &["registro"], store().await, 365 * DAY, silent)
        .await;
    country.publish(DAY, &[&muni, &reniec]).await;
    furnish(&*time, &muni, &reniec).await;
    let number = muni
        .exchange
        .ask(question())
        .await
        .unwrap()
        .get()
        .evidence
        .clone();
    for half in [Half::Request, Half::Response] {
        let whole = muni
            .exchange
            .container(&number, half)
            .await
            .unwrap()
            .unwrap();
        Container::read(&whole).unwrap().verify_signature().unwrap();
        let kept = reniec
            .exchange
            .container(&number, half)
            .await
            .unwrap()
            .unwrap();
        let kept = Container::read(&kept).unwrap();
        assert!(kept.verify_signature().is_err() && kept.attachments.is_empty());
        let text = String::from_utf8(kept.message).unwrap();
        assert!(text.contains("tambo-body-logging:off") && text.contains("tambo-body-hash:"));
        assert!(
            text.contains(&number) && !text.contains("Tambo-Purpose"),
            "{text}"
        );
        // The signature stays whole, so it still proves the message that the other side kept.
        let other = Container::read(&whole).unwrap();
        let joined = Container {
            signature: kept.signature,
            hash_chain: kept.hash_chain,
            ..other
        };
        joined.verify_signature().unwrap();
    }
    let nothing = reniec.exchange.delivery(&asking().into(), &number).await;
    assert!(matches!(nothing, Err(DeliverError::NoDelivery)));
}

#[tokio::test]
async fn every_message_leaves_a_record_with_x_roads_names_and_nothing_personal() {
    let (time, folder) = (clock(), Folder::new());
    let (one, other) = (
        sqlite(&folder, time.clone()).await,
        sqlite(&folder, time.clone()).await,
    );
    let (_country, muni, reniec) = pair(time.clone(), one, other).await;
    let number = muni
        .exchange
        .ask(question())
        .await
        .unwrap()
        .get()
        .evidence
        .clone();
    let unknown = crate::Ask {
        service: member("RENIEC").subsystem("registro").service("nada"),
        ..question()
    };
    muni.exchange
        .agree(&[crate::Agreement {
            number: "CONV-2".into(),
            service: unknown.service.clone(),
            ..agreement(&*time)
        }])
        .await
        .unwrap();
    muni.exchange.ask(unknown).await.unwrap_err();
    let now = time_seconds(&time);
    for (node, side) in [(&muni, "Client"), (&reniec, "Producer")] {
        let (records, next) = node.exchange.operations(now - 5, now + 5).await.unwrap();
        assert_eq!((records.len(), next), (2, None), "{side}");
        let read = |text: &String| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let good = records
            .iter()
            .map(read)
            .find(|record| record["succeeded"] == true);
        let good = good.unwrap();
        for (name, wanted) in [
            ("securityServerType", side),
            ("messageId", number.as_str()),
            ("clientXRoadInstance", "PE"),
            ("clientMemberCode", "MUNI"),
            ("serviceMemberCode", "RENIEC"),
            ("serviceSubsystemCode", "registro"),
            ("serviceCode", "personas"),
            ("restMethod", "POST"),
            ("serviceType", "REST"),
        ] {
            assert_eq!(good[name], wanted, "{name}");
        }
        assert!(good["requestSize"].as_u64().unwrap() > 100 && good["statusCode"] == 200);
        let bad = records
            .iter()
            .map(read)
            .find(|record| record["succeeded"] == false);
        let bad = bad.unwrap();
        assert_eq!(bad["faultCode"], "server.serverproxy.unknown_service");
        assert!(!records.concat().contains("40000001"));
        let (none, _) = node.exchange.operations(now + 6, now + 9).await.unwrap();
        assert!(none.is_empty());
    }
    time.advance(8 * 86_400);
    assert_eq!(muni.exchange.forget_operations().await.unwrap(), 2);
}

fn time_seconds(time: &kernel::SetClock) -> i64 {
    kernel::Clock::now(time).seconds()
}
