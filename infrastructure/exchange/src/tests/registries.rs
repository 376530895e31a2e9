//! Registries of every kind, asked by another body: what was agreed leaves, and nothing else, not even in an error.

use std::collections::BTreeMap;
use std::path::Path;

use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kernel::fact::value::Value;
use kernel::{Actor, Role};
use serde_json::json;
use store::testing::{Folder, sqlite};
use tokio::net::TcpListener;
use web::testing::Tester;

use super::country::*;
use crate::source::Described;
use crate::{Agreement, Ask, AskError, FactSource, Half};

/// What must never leave: the date behind 'over 18', a field of no agreement, a column that no field names.
const SECRETS: [&str; 3] = ["1990-05-01", "quechua", "SECRETO"];

fn described(change: impl FnOnce(&mut serde_json::Value)) -> Described {
    let mut text = json!({
        "title": "Padrón",
        "fields": {
            "person.name": {"from": "nombre"},
            "birth": {"from": "nacimiento", "type": "date", "internal": true},
            "mother_tongue": {"from": "lengua", "sensitive": true},
            "address": {"from": "direccion"},
        },
        "derived": [{"rule": "years-since", "name": "over18", "field": "birth", "years": 18}],
    });
    change(&mut text);
    serde_json::from_value(text).unwrap()
}

/// The same register in a database, in a file and behind a REST service.
async fn places(folder: &Path) -> Vec<(&'static str, Described)> {
    let heads = "dni,nombre,nacimiento,lengua,direccion,clave,vence";
    let rosa = "40000001,Rosa,1990-05-01,quechua,Calle 3,SECRETO,2027-01-01";
    let wrong = "40000002,Ana,SECRETO,quechua,,SECRETO,";
    std::fs::write(folder.join("padron.csv"), format!("{heads}\n{rosa}\n")).unwrap();
    let url = format!("sqlite:{}", folder.join("registro.db").display());
    let database = store::Store::open(
        &url,
        clock(),
        std::sync::Arc::new(kernel::SystemChance::default()),
    );
    let database = database.await.unwrap();
    let migration: &'static [store::Migration] = &[store::Migration {
        version: 1,
        name: "padron",
        sql: "CREATE TABLE padron (dni TEXT, nombre TEXT, nacimiento TEXT, lengua TEXT, direccion TEXT, clave TEXT, vence TEXT);
              INSERT INTO padron VALUES ('40000001', 'Rosa', '1990-05-01', 'quechua', 'Calle 3', 'SECRETO', '2027-01-01');
              INSERT INTO padron VALUES ('40000002', 'Ana', 'SECRETO', 'quechua', NULL, 'SECRETO', NULL);",
    }];
    database.migrate(&[("padron", migration)]).await.unwrap();
    database.close().await;
    let service = rest_service([rosa, wrong].map(String::from).to_vec()).await;
    std::fs::write(folder.join("token"), "Bearer abc\n").unwrap();
    let pointers = ["nombre", "nacimiento", "lengua", "direccion"];
    let sql = json!({"url": "sqlite:registro.db", "view": "padron", "key": "dni", "valid_until": "vence"});
    let csv = json!({"file": "padron.csv", "key": "dni", "valid_until": "vence"});
    let rest = json!({
        "address": format!("{service}/gente/{{subject}}"), "valid_until": "/d/vence",
        "secret_headers": {"authorization": "token"},
    });
    vec![
        ("sql", described(|text| text["sql"] = sql)),
        ("csv", described(|text| text["csv"] = csv)),
        (
            "rest",
            described(|text| {
                text["rest"] = rest;
                let names = ["person.name", "birth", "mother_tongue", "address"];
                for (name, pointer) in names.iter().zip(pointers) {
                    text["fields"][name]["from"] = format!("/d/{pointer}").into();
                }
            }),
        ),
    ]
}

/// A body's existing service: wants its token, knows the lines' subjects, and is talkative when it fails.
async fn rest_service(lines: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let lines = lines.clone();
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let answer = answer(&lines, &request);
                async move { Ok::<_, hyper::Error>(answer) }
            });
            tokio::spawn(async move {
                let builder = hyper::server::conn::http1::Builder::new();
                let _ = builder.serve_connection(TokioIo::new(tcp), service).await;
            });
        }
    });
    url
}

fn answer(
    lines: &[String],
    request: &http::Request<hyper::body::Incoming>,
) -> http::Response<Full<bytes::Bytes>> {
    let told = |status: u16, text: String| {
        let mut response = http::Response::new(Full::new(text.into()));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        response
    };
    if request
        .headers()
        .get("authorization")
        .is_none_or(|value| value != "Bearer abc")
    {
        return told(401, "SECRETO".into());
    }
    let subject = request.uri().path().rsplit('/').next().unwrap().to_owned();
    if subject == "40000003" {
        return told(500, "SECRETO: Rosa, quechua".into());
    }
    match lines.iter().find(|line| line.starts_with(&subject)) {
        None => told(404, "SECRETO".into()),
        Some(line) => {
            let parts: Vec<&str> = line.split(',').collect();
            let entry = json!({"d": {
                "nombre": parts[1], "nacimiento": parts[2], "lengua": parts[3], "direccion": parts[4],
                "clave": parts[5], "vence": parts[6],
            }});
            told(200, entry.to_string())
        }
    }
}

fn ask(service: &str, about: &str, fields: &[&str]) -> Ask {
    Ask {
        service: persons().subsystem.service(service),
        about: about.into(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        ..question()
    }
}

struct Scene {
    _country: Country,
    muni: Node,
    reniec: Node,
    folder: Folder,
}

async fn scene() -> Scene {
    let (folder, time) = (Folder::new(), clock());
    let (a, b) = (
        sqlite(&folder, time.clone()).await,
        sqlite(&folder, time.clone()).await,
    );
    let (country, muni, reniec) = pair(time.clone(), a, b).await;
    let all: BTreeMap<String, Described> = places(folder.path())
        .await
        .into_iter()
        .map(|(code, described)| (code.to_owned(), described))
        .collect();
    reniec
        .exchange
        .connect(&all, "registro", folder.path())
        .await
        .unwrap();
    for code in all.keys() {
        let fields = ["person.name", "over18", "address", "birth", "mother_tongue"];
        let agreed = Agreement {
            number: format!("CONV-{code}"),
            service: persons().subsystem.service(code),
            fields: fields.map(String::from).to_vec(),
            ..agreement(&*time)
        };
        for node in [&muni, &reniec] {
            node.exchange
                .agree(std::slice::from_ref(&agreed))
                .await
                .unwrap();
        }
    }
    Scene {
        _country: country,
        muni,
        reniec,
        folder,
    }
}

#[tokio::test]
async fn every_kind_states_what_was_asked_and_nothing_else() {
    let scene = scene().await;
    for code in ["sql", "csv", "rest"] {
        let asked = ask(code, "40000001", &["over18", "person.name"]);
        let answer = scene.muni.exchange.ask(asked).await.unwrap().into_inner();
        let values: Vec<_> = answer.facts.iter().map(|fact| fact.value.clone()).collect();
        assert_eq!(
            values,
            [Value::Bool(true), Value::Text("Rosa".into())],
            "{code}"
        );
        let until = answer.facts[0].valid_until.unwrap();
        assert_eq!(until.iso_seconds(), "2027-01-01T23:59:59Z", "{code}");
        for node in [&scene.muni, &scene.reniec] {
            let bytes = node
                .exchange
                .container(&answer.evidence, Half::Response)
                .await;
            let bytes = bytes.unwrap().unwrap();
            let parts = trust::asic::Container::read(&bytes).unwrap();
            let text = String::from_utf8_lossy(&parts.attachments[0]).into_owned();
            assert!(text.contains("Rosa"), "{code}: {text}");
            let text = text + &String::from_utf8_lossy(&parts.message);
            for secret in SECRETS {
                assert!(!text.contains(secret), "{code}: {secret}");
            }
        }
        let nobody = scene
            .muni
            .exchange
            .ask(ask(code, "49999999", &["over18"]))
            .await
            .unwrap();
        assert!(!nobody.get().found, "{code}");
    }
}

#[tokio::test]
async fn refusals_tell_nothing_of_the_register() {
    let scene = scene().await;
    // The file has a bad line from here on; the database and the service have a bad date.
    let bad = "dni,nombre,nacimiento,lengua,direccion,clave,vence\n40000002,Ana,SECRETO,quechua,,SECRETO,\n";
    std::fs::write(scene.folder.path().join("padron.csv"), bad).unwrap();
    for (code, about, field, expected) in [
        ("sql", "40000002", "over18", "can't be stated"),
        ("csv", "40000002", "over18", "does not answer"),
        ("rest", "40000002", "over18", "can't be stated"),
        ("rest", "40000003", "person.name", "does not answer"),
        ("sql", "40000001", "birth", "no field birth"),
        ("csv", "40000001", "birth", "no field birth"),
        ("rest", "40000001", "birth", "no field birth"),
    ] {
        let error = scene
            .muni
            .exchange
            .ask(ask(code, about, &[field]))
            .await
            .unwrap_err();
        let AskError::Refused { message, .. } = &error else {
            panic!("{code}: {error}");
        };
        assert!(message.contains(expected), "{code}: {message}");
        let told = format!("{error:?}");
        let words = [about, "Rosa", "Ana"];
        let leaked = SECRETS
            .iter()
            .chain(&words)
            .find(|word| told.contains(**word));
        assert_eq!(leaked, None, "{code}: {told}");
    }
}

#[tokio::test]
async fn a_system_that_fails_does_not_talk_past_the_agreement() {
    let scene = scene().await;
    let url = rest_service(vec!["40000001,x,x,x,x,x,x".into()]).await;
    let service = persons().subsystem.service("url");
    let source = FactSource::Url {
        url,
        agreement: true,
    };
    scene
        .reniec
        .exchange
        .offer(&service, &source, true)
        .await
        .unwrap();
    let agreed = Agreement {
        number: "CONV-url".into(),
        service,
        ..agreement(&*clock())
    };
    for node in [&scene.muni, &scene.reniec] {
        node.exchange
            .agree(std::slice::from_ref(&agreed))
            .await
            .unwrap();
    }
    let error = scene
        .muni
        .exchange
        .ask(ask("url", "40000001", &["address"]))
        .await
        .unwrap_err();
    assert!(!format!("{error:?}").contains("SECRETO"), "{error:?}");
    assert!(
        error.to_string().contains("did not answer with facts"),
        "{error}"
    );
}

#[tokio::test]
async fn a_service_that_left_the_settings_is_not_offered() {
    let scene = scene().await;
    let all: BTreeMap<String, Described> = places(scene.folder.path())
        .await
        .into_iter()
        .filter(|(code, _)| *code == "csv")
        .map(|(code, described)| (code.to_owned(), described))
        .collect();
    let exchange = &scene.reniec.exchange;
    exchange
        .connect(&all, "registro", scene.folder.path())
        .await
        .unwrap();
    scene
        .muni
        .exchange
        .ask(ask("csv", "40000001", &["over18"]))
        .await
        .unwrap();
    let gone = scene
        .muni
        .exchange
        .ask(ask("sql", "40000001", &["over18"]))
        .await;
    assert!(gone.unwrap_err().to_string().contains("no such service"));
    // The others of this body stay.
    scene.muni.exchange.ask(question()).await.unwrap();
}

#[tokio::test]
async fn every_kind_is_tried_before_it_is_needed() {
    let scene = scene().await;
    for registry in scene.reniec.exchange.registries().values() {
        registry.check().await.unwrap();
    }
    let database = scene.folder.path().join("registro.db");
    std::fs::remove_file(&database).unwrap();
    std::fs::write(scene.folder.path().join("padron.csv"), "dni;nombre\n1;x\n").unwrap();
    let registries = scene.reniec.exchange.registries();
    for (code, expected) in [("csv", "line 1: there is no column")] {
        let service = persons().subsystem.service(code);
        let problems = registries[&service].check().await.unwrap_err();
        assert!(problems[0].contains(expected), "{problems:?}");
    }
}

/// A browser of this registry's pages, in a test instance or not, for an official or for nobody.
fn browser(exchange: &crate::Exchange, simulated: bool, official: bool) -> Tester {
    let rooms = [exchange.room()];
    let rights = ["exchange.read".to_owned()].into_iter().collect();
    let role = Role::Official {
        post: "sistemas".into(),
        rights,
    };
    let actor = official.then(|| Actor {
        role,
        ..Actor::system("ana")
    });
    let actor_of: web::outer::ActorOf = std::sync::Arc::new(move |_| {
        let actor = actor.clone();
        Box::pin(async move { Ok(actor) })
    });
    let time = exchange.inner.clock.clone();
    let mut settings = web::testing::settings(&rooms, time, actor_of);
    settings.face.simulated = simulated;
    let router = web::gather(&rooms).unwrap().router;
    let tester = Tester::of(web::outer(router, settings));
    tester.cookie("prueba-session", "test-session");
    tester
}

#[tokio::test]
async fn a_registry_is_tried_in_a_test_instance_only() {
    let scene = scene().await;
    let exchange = &scene.reniec.exchange;
    let place = "/registries/registro/csv";
    let form = [
        ("subject", "40000001"),
        ("field", "over18"),
        ("field", "person.name"),
    ];
    let official = browser(exchange, true, true);
    let page = official.get(place).await.text;
    assert!(
        page.contains("mother_tongue") && !page.contains("birth\""),
        "{page}"
    );
    let token = official.token().await;
    let mut with_token = form.to_vec();
    with_token.push(("csrf", &token));
    let page = official
        .post(&format!("{place}/try"), &with_token)
        .await
        .text;
    assert!(page.contains("Rosa") && page.contains("Sí"), "{page}");
    assert!(
        page.contains("curl -X POST") && !page.contains("1990"),
        "{page}"
    );
    let link = page
        .split('"')
        .find(|part| part.contains("/tried/"))
        .unwrap()
        .to_owned();
    let container = official.get(&link).await;
    let container = trust::asic::Container::read(&container.bytes).unwrap();
    assert!(String::from_utf8_lossy(&container.attachments[0]).contains("Rosa"));

    // The number of another body's question is no way to its container.
    let other = scene
        .muni
        .exchange
        .ask(ask("csv", "40000001", &["over18"]))
        .await
        .unwrap();
    let other = official
        .get(&format!("{place}/tried/{}", other.get().evidence))
        .await;
    assert_eq!(other.status, 404);

    for (browser, name) in [
        (browser(exchange, false, true), "an official of a real body"),
        (browser(exchange, true, false), "somebody elsewhere"),
    ] {
        let page = browser.get(place).await;
        assert!(
            page.status == 200 && !page.text.contains("/try#try"),
            "{name}"
        );
        let token = browser.token().await;
        let mut with_token = form.to_vec();
        with_token.push(("csrf", &token));
        let tried = browser.post(&format!("{place}/try"), &with_token).await;
        assert!(
            tried.status != 200 && !tried.text.contains("Rosa"),
            "{name}: {}",
            tried.status
        );
        assert_ne!(browser.get(&link).await.status, 200, "{name}");
    }
    let described = browser(exchange, false, false)
        .get(&format!("{place}/openapi.json"))
        .await;
    let described: serde_json::Value = serde_json::from_str(&described.text).unwrap();
    assert_eq!(described["openapi"], "3.0.3");
}
