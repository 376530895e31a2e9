//! The API: the whole cycle by a program with a token, and nothing without one.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use kernel::Actor;
use serde_json::{Value, json};
use store::testing::both_at;
use web::testing::Tester;

use super::{Applicant, Country, clock, official};

struct Program {
    tester: Tester,
    token: String,
}

impl Program {
    async fn call(&self, method: Method, place: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/registry/api/{place}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json");
        let body = match body.is_null() {
            true => Body::empty(),
            false => Body::from(body.to_string()),
        };
        let got = self.tester.send(request, body).await;
        let told = serde_json::from_str(&got.text).unwrap_or(Value::Null);
        (got.status, told)
    }

    async fn get(&self, place: &str) -> Value {
        let (status, told) = self.call(Method::GET, place, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{place}: {told}");
        told
    }

    async fn post(&self, place: &str, body: Value) -> Value {
        let (status, told) = self.call(Method::POST, place, &body).await;
        assert_eq!(status, StatusCode::OK, "{place} {body}: {told}");
        told
    }

    async fn refused(&self, place: &str, body: Value) -> StatusCode {
        self.call(Method::POST, place, &body).await.0
    }
}

async fn program(country: &Country) -> Program {
    let token = country.register.make_token(&official(), "padron").await;
    Program {
        tester: Tester::with(
            &[country.register.room()],
            country.clock.clone(),
            web::OuterSettings::nobody(),
        ),
        token: token.expect("a token"),
    }
}

#[tokio::test]
async fn a_program_goes_the_whole_way() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let program = program(&country).await;
        // Invite, apply, list, refuse; invite, apply, approve.
        let link = program.post("links", json!({})).await;
        assert!(link["link"].as_str().is_some_and(|link| link.contains("/join#")));
        let revoked = program.post("links", json!({ "revoke": link["id"] })).await;
        assert_eq!(revoked["revoked"], link["id"]);
        for (code, decision) in [("20131312955", "approve"), ("20295613620", "refuse")] {
            let envelope = Applicant::new(code).join(&country, &country.link().await);
            let receipt = country.send(&envelope).await.expect("received");
            let waiting = program.get("applications").await;
            let row = &waiting["applications"][0];
            assert_eq!(row["fingerprint"], receipt.fingerprint.as_str());
            let place = format!("applications/{}", receipt.number);
            let blind = json!({ "decision": "approve", "fingerprint": "AAAA" });
            assert_eq!(program.refused(&place, blind).await, StatusCode::BAD_REQUEST);
            let act = json!({ "decision": decision, "fingerprint": receipt.fingerprint, "why": "no es entidad" });
            let decided = program.post(&place, act.clone()).await;
            assert_eq!(decided["decided_by"], "system:api:padron");
            assert_eq!(program.get(&place).await["state"], decided["state"]);
            assert_eq!(program.refused(&place, act).await, StatusCode::CONFLICT, "once");
        }
        let place = "members/GOB/20131312955";
        let member = program.get(place).await;
        let server = member["servers"][0]["id"].as_str().expect("a server").rsplit('/').next().expect("a code").to_owned();
        // Subsystems, maintenance, groups.
        let act = |act: &str| json!({ "act": act, "server": server, "subsystem": "obras", "why": "pausa" });
        assert!(program.post(place, act("add-subsystem")).await["subsystems"].to_string().contains("obras"));
        assert_eq!(program.post(place, act("maintenance-on")).await["servers"][0]["maintenance"], true);
        assert_eq!(program.post(place, act("maintenance-off")).await["servers"][0]["maintenance"], false);
        program.post("groups", json!({ "act": "put", "code": "todos", "name": "Todos" })).await;
        let joined = json!({ "act": "join", "code": "todos", "subsystem": "PE/GOB/20131312955/obras" });
        let groups = program.post("groups", joined).await;
        assert_eq!(groups["groups"][0]["members"][0], "PE/GOB/20131312955/obras");
        // Trust services and settings.
        let pem = country.trust.unit_certificate().pem();
        let service = json!({ "act": "approve", "kind": "tsa", "name": "Otro", "url": "http://tsa.example/", "certificate": pem });
        let services = program.post("services", service).await;
        let retired = json!({ "act": "retire", "id": services["services"][0]["id"] });
        assert_eq!(program.post("services", retired).await["services"], json!([]));
        let rules = program.post("settings", json!({ "granted": ["maintenance"], "classes": "GOB EMP" })).await;
        assert_eq!(rules, json!({ "granted": ["maintenance"], "classes": "GOB EMP" }));
        // The end of a membership.
        assert_eq!(program.post(place, json!({ "act": "revoke", "why": "cesó" })).await["active"], false);
        let members = program.get("members").await;
        assert_eq!(members["members"][0]["active"], false);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_told_or_done_without_a_token() {
    let clock = clock();
    both_at(clock.clone(), async |store| {
        let country = Country::new(store, clock.clone()).await;
        let good = program(&country).await;
        let secret = good.token.split_once('.').expect("two parts").1.to_owned();
        let table = country.register.room().routes;
        let addresses: Vec<_> = table
            .table()
            .iter()
            .filter(|one| one.path.starts_with("/registry/api/"))
            .collect();
        assert_eq!(addresses.len(), 13);
        let wrong = [
            String::new(),
            "padron".into(),
            "padron.".into(),
            format!("otro.{secret}"),
            format!("padron.{}", secret.to_uppercase()),
            format!("padron.{secret}{}", "a".repeat(200)),
        ];
        for token in wrong {
            // A session of an official counts for nothing here: no other site can act through a browser.
            let room = country.register.room();
            let tester = Tester::signed_in(&[room], Actor { ..official() });
            let program = Program { tester, token };
            for address in &addresses {
                let place = address.path.trim_start_matches("/registry/api/");
                let place = place
                    .replace("{class}/{code}", "GOB/1")
                    .replace("{number}", "1");
                let method = address.method.parse().expect("a verb");
                let (status, told) = program.call(method, &place, &json!({})).await;
                let expected = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];
                assert!(expected.contains(&status), "{place}: {status} {told}");
            }
        }
        // Whoever guessed has to wait, and so does nobody for long.
        country.clock.advance(100);
        good.get("members").await;
        // Another token of the same name ends the first; an ended one is over, also as the empty text.
        let second = program(&country).await;
        assert_eq!(
            good.refused("links", json!({})).await,
            StatusCode::UNAUTHORIZED
        );
        second.get("members").await;
        country
            .register
            .end_token(&official(), "padron")
            .await
            .expect("ended");
        assert!(
            country
                .register
                .end_token(&official(), "padron")
                .await
                .is_err()
        );
        assert_eq!(
            second.refused("links", json!({})).await,
            StatusCode::UNAUTHORIZED
        );
        // Shapes that are none.
        let third = program(&country).await;
        for body in [
            json!([]),
            json!({ "act": 1 }),
            json!({ "act": { "a": 1 } }),
            json!({ "act": "x".repeat(70_000) }),
        ] {
            let status = third.refused("groups", body).await;
            assert!(status.is_client_error(), "{status}");
        }
    })
    .await;
}
