//! The page of services and rights: the whole way of an official, and what nobody can do there.

use http::StatusCode;
use kernel::{Actor, Role, ServiceId};
use store::testing::both_at;
use tokio::net::TcpListener;
use web::client::Http;
use web::testing::Tester;

use super::attacks::two;
use super::country::*;
use crate::http::services::MANAGE;
use crate::services::change::Draft;
use crate::services::{Granted, LocalGroup, Offered};
use crate::{AccessRight, Exchange, Subject};

const PLACE: &str = "/exchange/services/registro/api";

fn official(rights: &[&str]) -> Actor {
    let role = Role::Official {
        post: "sistemas".into(),
        rights: rights.iter().map(|right| (*right).to_owned()).collect(),
    };
    Actor {
        role,
        ..Actor::system("ana")
    }
}

fn browser(exchange: &Exchange, rights: &[&str]) -> Tester {
    Tester::signed_in(&[exchange.room()], official(rights))
}

/// A system that says `text` to everything.
pub(super) async fn system(text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(async move {
                let service = hyper::service::service_fn(move |_| async move {
                    let body = http_body_util::Full::new(bytes::Bytes::from(text));
                    Ok::<_, hyper::Error>(http::Response::new(body))
                });
                let line = hyper_util::rt::TokioIo::new(tcp);
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(line, service)
                    .await;
            });
        }
    });
    format!("http://{address}")
}

async fn entries(exchange: &Exchange) -> u64 {
    let report = exchange.inner.log.check().await.unwrap();
    report.entries + report.staged
}

fn api() -> ServiceId {
    persons().subsystem.service("api")
}

#[tokio::test]
async fn an_official_offers_a_service_and_says_who_may_ask() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let base = format!("http://{}/r1/{}", listener.local_addr().unwrap(), api());
            let _systems = muni.exchange.serve_systems(listener, false).unwrap();
            let (http, client) = (Http::plain(), asking().to_string());
            let ask = async |path: &str| {
                let headers = [("x-road-client".parse().unwrap(), client.parse().unwrap())];
                let url = format!("{base}{path}");
                let headers = headers.into_iter().collect();
                let got = http.ask(http::Method::GET, &url, headers, bytes::Bytes::new()).await;
                got.unwrap().status
            };
            let desk = browser(&reniec.exchange, &[MANAGE]);
            let before = entries(&reniec.exchange).await;

            let own = system("{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"a\",\"version\":\"1\"},\"paths\":{\"/items/{id}\":{\"get\":{}}}}").await;
            let offered = [
                ("subsystem", "registro"),
                ("code", "api"),
                ("url", own.as_str()),
                ("timeout_seconds", "7"),
                ("description_url", own.as_str()),
            ];
            let done = desk.post("/exchange/service-offer", &offered).await;
            assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, PLACE), "{}", done.text);
            assert_eq!(ask("/items/7").await, 500, "nobody may ask at first");

            let found = desk.get(&format!("{PLACE}/grant?find=mun")).await.text;
            assert!(found.contains(&client) && found.contains("GET /items/*"), "{found}");
            let right = [("subject", client.as_str()), ("endpoint", "GET /items/*")];
            let done = desk.post(&format!("{PLACE}/grant"), &right).await;
            assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
            assert_eq!((ask("/items/7").await, ask("/other").await), (StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR));

            let shown = desk.get(PLACE).await.text;
            assert!(shown.contains("GET /items/*") && shown.contains("class=\"fan\""));
            assert!(desk.get("/exchange/services").await.text.contains("MUNI"));

            desk.post(PLACE, &[("act", "off"), ("notice", "hasta las 18 h")]).await;
            assert_eq!(ask("/items/7").await, 500, "switched off");
            assert!(desk.get(PLACE).await.text.contains("hasta las 18 h"));
            desk.post(PLACE, &[("act", "on")]).await;
            assert_eq!(ask("/items/7").await, StatusCode::OK);

            let right = [("act", "revoke"), ("subject", client.as_str()), ("method", "GET"), ("path", "/items/*")];
            assert_eq!(desk.post(PLACE, &right).await.status, StatusCode::SEE_OTHER);
            assert_eq!(ask("/items/7").await, 500, "revoked at once");
            assert_eq!(desk.post(PLACE, &right).await.status, StatusCode::NOT_FOUND);

            // By a group of this body's own.
            desk.post("/exchange/groups", &[("act", "set"), ("code", "socios"), ("title", "Socios")]).await;
            desk.post("/exchange/groups", &[("act", "enter"), ("code", "socios"), ("client", &client)]).await;
            let right = [("subject", "local:socios"), ("endpoint", "* **")];
            desk.post(&format!("{PLACE}/grant"), &right).await;
            assert_eq!(ask("/other").await, StatusCode::OK);
            desk.post("/exchange/groups", &[("act", "remove"), ("code", "socios")]).await;
            assert_eq!(ask("/other").await, 500, "the group's rights went with it");

            let elsewhere = system("other").await;
            let changed = [("act", "change"), ("url", elsewhere.as_str()), ("timeout_seconds", "9")];
            assert_eq!(desk.post(PLACE, &changed).await.status, StatusCode::SEE_OTHER);
            let held = reniec.exchange.held_service("registro", "api").await.unwrap();
            assert_eq!((held.url(), held.described, held.endpoints.len()), (elsewhere.as_str(), false, 0));

            assert_eq!(desk.post(PLACE, &[("act", "withdraw")]).await.status, StatusCode::SEE_OTHER);
            assert_eq!(desk.get(PLACE).await.status, StatusCode::NOT_FOUND);
            // Offered, granted, off, on, revoked, group set, entered, granted, group removed, changed, withdrawn.
            let journal = 3;
            let acts = entries(&reniec.exchange).await - before;
            assert!(acts >= 11 + journal, "{acts} entries");
        }
    })
    .await;
}

#[tokio::test]
async fn nobody_without_the_right_or_the_token_changes_anything() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, _muni, reniec, _folder) = two(store, time.clone()).await;
            let exchange = &reniec.exchange;
            let own = system("x").await;
            let draft = Draft {
                service: api(),
                url: own.clone(),
                timeout_seconds: None,
                agreement: true,
                description_url: None,
            };
            exchange.offer_new(&draft, "ana").await.unwrap();
            for address in exchange.room().routes.table() {
                let ours = [
                    "/exchange/services",
                    "/exchange/service-offer",
                    "/exchange/groups",
                ];
                if ours.iter().any(|place| address.path.starts_with(place)) {
                    assert_eq!(
                        address.audience,
                        web::Audience::Right(MANAGE),
                        "{}",
                        address.path
                    );
                }
            }
            let client = asking().to_string();
            let grant = format!("{PLACE}/grant");
            let right = [("subject", client.as_str()), ("endpoint", "* **")];
            let reader = browser(exchange, &["exchange.read", "exchange.agree"]);
            let citizen = Tester::signed_in(
                &[exchange.room()],
                Actor {
                    role: Role::Person,
                    ..Actor::system("c")
                },
            );
            for tester in [&reader, &citizen] {
                assert_eq!(
                    tester.post(&grant, &right).await.status,
                    StatusCode::FORBIDDEN
                );
                assert_eq!(
                    tester.get("/exchange/services").await.status,
                    StatusCode::FORBIDDEN
                );
            }
            let nobody = Tester::new(&[exchange.room()]);
            let sent = nobody.post(&grant, &right).await;
            assert_eq!(sent.status, StatusCode::UNAUTHORIZED);

            // Another site's form has no token, or another visitor's.
            let desk = browser(exchange, &[MANAGE]);
            let kind = "application/x-www-form-urlencoded";
            for token in ["", &desk.another().token().await] {
                let body = format!("csrf={token}&act=withdraw");
                let sent = desk.post_raw(PLACE, kind, body).await;
                assert_eq!(sent.status, StatusCode::FORBIDDEN);
            }

            // Subjects that nobody knows, codes and addresses that are none, a code in use.
            for subject in ["PE/GOB/NADIE/x", "global:PE/nadie", "local:nadie", "x"] {
                let sent = desk
                    .post(&grant, &[("subject", subject), ("endpoint", "* **")])
                    .await;
                assert_eq!(sent.status, StatusCode::OK, "{subject}: the form again");
            }
            for (code, url, subsystem) in [
                ("a/b", own.as_str(), "registro"),
                ("listMethods", &own, "registro"),
                ("reports", &own, "registro"),
                ("api", &own, "registro"),
                ("b", "file:///etc/passwd", "registro"),
                ("b", "http://u:p@host/", "registro"),
                ("b", &own, "ajeno"),
            ] {
                let fields = [("subsystem", subsystem), ("code", code), ("url", url)];
                let sent = desk.post("/exchange/service-offer", &fields).await;
                assert_eq!(sent.status, StatusCode::OK, "{code} {url}: the form again");
            }
            assert_eq!(exchange.held_services().await.unwrap().len(), 2);
            assert!(
                exchange
                    .held_service("registro", "api")
                    .await
                    .unwrap()
                    .rights
                    .is_empty()
            );
        }
    })
    .await;
}

#[tokio::test]
async fn another_bodys_service_is_out_of_reach() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, muni, reniec, _folder) = two(store, time.clone()).await;
            let theirs = persons();
            let draft = Draft {
                service: theirs.clone(),
                url: "http://127.0.0.1:1/".into(),
                timeout_seconds: None,
                agreement: false,
                description_url: None,
            };
            let exchange = &muni.exchange;
            let right = AccessRight::whole(Subject::from(asking()), theirs.clone());
            let denied = [
                exchange.offer_new(&draft, "x").await,
                exchange.change_offer(&draft, "x").await,
                exchange.withdraw(&theirs, "x").await,
                exchange.switch(&theirs, false, "", "x").await,
                exchange.describe_again(&theirs, "x").await,
                exchange.grant(&right, "x").await,
                exchange.revoke(&right, "x").await,
            ];
            for fault in denied {
                assert_eq!(fault.unwrap_err().kind, kernel::FaultKind::Denied);
            }
            // Named in an address or a form, it is looked for among this body's own and not found.
            let desk = browser(exchange, &[MANAGE]);
            let whole = "/exchange/services/PE%2FGOB%2FRENIEC%2Fregistro/personas";
            for place in [whole, "/exchange/services/registro/personas"] {
                assert_eq!(
                    desk.get(place).await.status,
                    StatusCode::NOT_FOUND,
                    "{place}"
                );
                let sent = desk.post(place, &[("act", "withdraw")]).await;
                assert_eq!(sent.status, StatusCode::NOT_FOUND, "{place}");
            }
            assert!(
                reniec
                    .exchange
                    .held_service("registro", "personas")
                    .await
                    .is_ok()
            );
        }
    })
    .await;
}

#[tokio::test]
async fn what_the_settings_list_is_shown_and_stays() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (_country, _muni, reniec, folder) = two(store, time.clone()).await;
            let exchange = &reniec.exchange;
            let own = system("x").await;
            let granted = Granted {
                subject: asking().into(),
                method: "GET".into(),
                path: "/a".into(),
            };
            let offered = Offered {
                subsystem: None,
                url: own,
                agreement: false,
                description: None,
                endpoints: vec![],
                timeout_seconds: None,
                notice: None,
                rights: vec![granted],
            };
            let group = LocalGroup {
                title: "Socios".into(),
                members: vec![asking().into()],
            };
            let services = [("api".to_owned(), offered)].into();
            let groups = [("socios".to_owned(), group)].into();
            let list = async || {
                exchange
                    .offer_listed(&services, &groups, "registro", folder.path())
                    .await
                    .unwrap();
            };
            list().await;
            let desk = browser(exchange, &[MANAGE]);
            let shown = desk.get(PLACE).await.text;
            assert!(
                shown.contains("De la configuración") && !shown.contains("value=\"revoke\""),
                "{shown}"
            );
            assert!(
                !desk
                    .get(&format!("{PLACE}/change"))
                    .await
                    .text
                    .contains("name=\"url\"")
            );
            let client = asking().to_string();
            for fields in [
                vec![("act", "withdraw")],
                vec![
                    ("act", "revoke"),
                    ("subject", &client),
                    ("method", "GET"),
                    ("path", "/a"),
                ],
            ] {
                assert_eq!(
                    desk.post(PLACE, &fields).await.status,
                    StatusCode::CONFLICT,
                    "{fields:?}"
                );
            }
            for fields in [
                vec![("act", "remove"), ("code", "socios")],
                vec![("act", "leave"), ("code", "socios"), ("client", &client)],
            ] {
                assert_eq!(
                    desk.post("/exchange/groups", &fields).await.status,
                    StatusCode::CONFLICT
                );
            }
            // More rights and a switch are the page's, and a new start keeps them.
            let more = [("subject", client.as_str()), ("endpoint", "* **")];
            assert_eq!(
                desk.post(&format!("{PLACE}/grant"), &more).await.status,
                StatusCode::SEE_OTHER
            );
            desk.post(PLACE, &[("act", "off"), ("notice", "x")]).await;
            list().await;
            let held = exchange.held_service("registro", "api").await.unwrap();
            assert_eq!((held.rights.len(), held.operation.enabled), (2, false));
        }
    })
    .await;
}

#[tokio::test]
async fn every_page_shows_in_three_languages() {
    let time = clock();
    let folder = store::testing::Folder::new();
    let store = store::testing::sqlite(&folder, time.clone()).await;
    let (_country, _muni, reniec, _folder) = two(store, time).await;
    let own = system("x").await;
    let exchange = &reniec.exchange;
    let desk = browser(exchange, &[MANAGE]);
    let fields = [
        ("subsystem", "registro"),
        ("code", "api"),
        ("url", own.as_str()),
    ];
    desk.post("/exchange/service-offer", &fields).await;
    exchange.set_group("socios", "Socios", "ana").await.unwrap();
    for language in ["es", "qu", "en"] {
        for place in [
            "/exchange/services",
            "/exchange/service-offer",
            PLACE,
            "/exchange/services/registro/personas",
            &format!("{PLACE}/change"),
            &format!("{PLACE}/grant"),
            "/exchange/groups",
        ] {
            let page = desk.get(&format!("{place}?lang={language}")).await;
            let page = match page.status.is_redirection() {
                true => desk.get(place).await,
                false => page,
            };
            assert_eq!(page.status, StatusCode::OK, "{place} {language}");
            let keys = [
                "exchange-may",
                "exchange-offer-",
                "exchange-group-",
                "exchange-from",
            ];
            for key in keys {
                assert!(
                    !page.text.contains(key),
                    "{place} {language}: {key} without text"
                );
            }
        }
    }
}
