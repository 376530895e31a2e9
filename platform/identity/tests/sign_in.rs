//! Signing in as people and attackers do it: over the pages, on both database engines.

#![expect(
    clippy::unwrap_used,
    reason = "a test tells by its panic what went wrong"
)]

mod authenticator;

use std::sync::Arc;

use authenticator::Authenticator;
use http::StatusCode;
use identity::{Identity, Method, Post, RIGHT_ISSUE_CODE, Settings};
use kernel::{Actor, Assurance, Scheme, SeededChance, SetClock};
use serde_json::Value;
use store::Store;
use web::testing::{Got, TEST_START, Tester};

const ORIGIN: &str = "http://localhost:8080";
const SESSION: &str = "prueba-session";
const ROSA: &str = "45678901";
const JUAN: &str = "40123456";

fn dni() -> Scheme {
    Scheme {
        name: "DNI".into(),
        digits: 8,
        weights: vec![3, 2, 7, 6, 5, 4, 3, 2],
        modulus: 11,
        keys: [
            "6K", "5J", "4I", "3H", "2G", "1F", "1E", "0D", "9C", "8B", "7A",
        ]
        .map(String::from)
        .to_vec(),
        prefixes: Vec::new(),
        check_optional: true,
        source: "test".into(),
    }
}

struct House {
    identity: Identity,
    clock: Arc<SetClock>,
    browser: Tester,
    rosa: String,
    juan: String,
}

impl House {
    async fn new(store: Store, practice: bool) -> Self {
        let clock = Arc::new(SetClock::at(TEST_START));
        let settings = Settings {
            rp_id: "localhost".into(),
            origin: ORIGIN.into(),
            body: "Municipalidad".into(),
            scheme: dni(),
            secret: [9; 32],
            practice,
        };
        let chance = Arc::new(SeededChance::new(5));
        let identity = Identity::new(store.clone(), clock.clone(), chance, settings).unwrap();
        let room = identity.room();
        store
            .migrate(&[(room.name, room.migrations)])
            .await
            .unwrap();
        let rosa = identity
            .add_person(ROSA, "Rosa Quispe Mamani")
            .await
            .unwrap();
        let post = Post {
            code: "licencias".into(),
            name: "Licencias".into(),
            rights: vec!["case.read".into(), RIGHT_ISSUE_CODE.into()],
        };
        identity.put_post(&post).await.unwrap();
        let juan = identity
            .add_official(JUAN, "Juan Huamán Ccori", "licencias")
            .await
            .unwrap();
        let browser = Tester::with(&[room], clock.clone(), identity.actor_fn());
        Self {
            identity,
            clock,
            browser,
            rosa,
            juan,
        }
    }

    async fn code(&self, subject: &str) -> String {
        self.identity
            .issue_code(&Actor::system("test"), subject)
            .await
            .unwrap()
            .code
    }

    async fn by_code(&self, browser: &Tester, subject: &str, code: &str, next: &str) -> Got {
        let fields = [("number", subject), ("code", code), ("next", next)];
        browser.post("/sign-in/code", &fields).await
    }

    async fn actor(&self, browser: &Tester) -> Option<Actor> {
        self.identity
            .actor_of(&browser.cookie_value(SESSION)?)
            .await
            .unwrap()
    }

    /// Signs Rosa in by code and registers a passkey for her.
    async fn with_passkey(&self) -> Authenticator {
        self.by_code(&self.browser, ROSA, &self.code(ROSA).await, "/")
            .await;
        let begun = begin(&self.browser, "/account/passkeys/begin").await;
        let mut key = Authenticator::new(ORIGIN, 1);
        let made = key.create(&begun["options"]);
        let fields = [
            ("ceremony", begun["ceremony"].as_str().unwrap()),
            ("credential", &made),
            ("label", "llave"),
        ];
        let got = self.browser.post("/account/passkeys", &fields).await;
        assert_eq!(got.location(), "/account", "{}", got.text);
        key
    }
}

async fn begin(browser: &Tester, path: &str) -> Value {
    let got = browser.post(path, &[]).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text);
    serde_json::from_str(&got.text).unwrap()
}

/// Runs the test on both engines, each with a house of its own.
macro_rules! on_both {
    ($(#[$note:meta])* $name:ident, $practice:expr, |$house:ident| $body:block) => {
        $(#[$note])*
        #[tokio::test]
        async fn $name() {
            store::testing::both(async |store| {
                let $house = House::new(store, $practice).await;
                $body
            })
            .await;
        }
    };
}

on_both!(
    a_code_signs_in_once_and_leads_back_to_where_one_was,
    false,
    |house| {
        let code = house.code(ROSA).await;
        let page = house.browser.get("/sign-in?next=/cases/7%3Fa%3D1").await;
        assert!(page.text.contains("name=\"next\" value=\"/cases/7?a=1\""));
        let spaced = format!("{} {}", &code[..4], &code[4..]);
        let got = house
            .by_code(&house.browser, ROSA, &spaced, "/cases/7?a=1")
            .await;
        assert_eq!(
            (got.status, got.location()),
            (StatusCode::SEE_OTHER, "/cases/7?a=1")
        );
        let actor = house.actor(&house.browser).await.unwrap();
        assert_eq!(
            (actor.subject.as_str(), actor.assurance),
            (ROSA, Assurance::Low)
        );
        assert!(!actor.is_official() && !actor.may("case.read"));

        let other = house.browser.another();
        let again = house.by_code(&other, ROSA, &code, "/").await;
        assert_eq!(again.status, StatusCode::BAD_REQUEST);
        assert!(
            again.text.contains("no coinciden") && again.text.contains(ROSA),
            "the number stays"
        );
        assert!(house.actor(&other).await.is_none());
    }
);

on_both!(
    a_code_expires_and_a_new_one_replaces_the_old,
    false,
    |house| {
        let (old, new) = (house.code(ROSA).await, house.code(ROSA).await);
        assert_ne!(old, new);
        let got = house.by_code(&house.browser, ROSA, &old, "/").await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST);
        house.clock.advance(24 * 3_600 + 1);
        let got = house.by_code(&house.browser, ROSA, &new, "/").await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST);
    }
);

on_both!(
    guessing_is_limited_even_for_the_right_code_and_for_unknown_numbers,
    false,
    |house| {
        let code = house.code(ROSA).await;
        let wrong = if code == "00000000" {
            "11111111"
        } else {
            "00000000"
        };
        for subject in [ROSA, "12345678"] {
            for _ in 0..5 {
                let got = house.by_code(&house.browser, subject, wrong, "/").await;
                assert_eq!(got.status, StatusCode::BAD_REQUEST);
                assert!(
                    got.text.contains("no coinciden"),
                    "known and unknown numbers read the same"
                );
            }
            let got = house.by_code(&house.browser, subject, &code, "/").await;
            assert_eq!(got.status, StatusCode::TOO_MANY_REQUESTS);
        }
        house.clock.advance(15 * 60 + 1);
        let got = house.by_code(&house.browser, ROSA, &code, "/").await;
        assert_eq!(got.status, StatusCode::SEE_OTHER);
    }
);

on_both!(
    sessions_end_when_idle_when_old_and_when_signed_out,
    false,
    |house| {
        house
            .by_code(&house.browser, ROSA, &house.code(ROSA).await, "/")
            .await;
        for _ in 0..12 {
            house.clock.advance(3_500);
            if house.clock_at() < 12 * 3_600 {
                assert!(house.actor(&house.browser).await.is_some());
            }
        }
        house.clock.advance(1_300);
        assert!(
            house.actor(&house.browser).await.is_none(),
            "twelve hours are the end, however busy"
        );

        house
            .by_code(&house.browser, ROSA, &house.code(ROSA).await, "/")
            .await;
        house.clock.advance(3_601);
        assert!(
            house.actor(&house.browser).await.is_none(),
            "an idle hour ends it"
        );
        let got = house.browser.get("/account").await;
        assert_eq!(got.location(), "/sign-in?next=/account");

        house
            .by_code(&house.browser, ROSA, &house.code(ROSA).await, "/")
            .await;
        let token = house.browser.cookie_value(SESSION).unwrap();
        house.browser.post("/sign-out", &[]).await;
        assert_eq!(house.browser.cookie_value(SESSION), None);
        assert!(
            house.identity.actor_of(&token).await.unwrap().is_none(),
            "the server forgot it too"
        );
    }
);

impl House {
    fn clock_at(&self) -> i64 {
        kernel::Clock::now(&*self.clock).seconds_since(TEST_START)
    }
}

on_both!(a_planted_session_cookie_is_not_taken_over, false, |house| {
    house
        .browser
        .cookie(SESSION, "plantedplantedplantedplantedplanted");
    house
        .by_code(&house.browser, ROSA, &house.code(ROSA).await, "/")
        .await;
    let first = house.browser.cookie_value(SESSION).unwrap();
    assert!(!first.starts_with("planted") && first.len() == 52);
    assert!(
        house
            .identity
            .actor_of("plantedplantedplantedplantedplanted")
            .await
            .unwrap()
            .is_none()
    );
    house
        .by_code(&house.browser, ROSA, &house.code(ROSA).await, "/")
        .await;
    assert_ne!(house.browser.cookie_value(SESSION).unwrap(), first);
    assert!(
        house.identity.actor_of(&first).await.unwrap().is_none(),
        "the session before is over"
    );
});

on_both!(nobody_is_led_to_another_site, false, |house| {
    for next in [
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example",
        "/sign-in?next=//e",
    ] {
        let page = house
            .browser
            .get(&format!("/sign-in?next={}", next.replace('\\', "%5C")))
            .await;
        assert!(page.text.contains("name=\"next\" value=\"/\""), "{next}");
        let got = house
            .by_code(&house.browser, ROSA, &house.code(ROSA).await, next)
            .await;
        assert_eq!(got.location(), "/", "{next}");
        house.browser.post("/sign-out", &[]).await;
    }
});

on_both!(a_passkey_signs_in_with_high_assurance, false, |house| {
    let mut key = house.with_passkey().await;
    let fresh = house.browser.another();
    let begun = begin(&fresh, "/sign-in/passkey/begin").await;
    let signed = key.get(&begun["options"]);
    let fields = [
        ("ceremony", begun["ceremony"].as_str().unwrap()),
        ("credential", &signed),
        ("next", "/x"),
    ];
    let got = fresh.post("/sign-in/passkey/finish", &fields).await;
    assert_eq!(got.location(), "/x", "{}", got.text);
    let actor = house.actor(&fresh).await.unwrap();
    assert_eq!(
        (actor.subject.as_str(), actor.assurance),
        (ROSA, Assurance::High)
    );
    assert!(fresh.get("/account").await.text.contains("llave"));
});

on_both!(
    a_challenge_works_once_for_its_own_browser_and_for_five_minutes,
    false,
    |house| {
        let mut key = house.with_passkey().await;
        let fresh = house.browser.another();
        let finish = async |browser: &Tester, begun: &Value, signed: &str| {
            let fields = [
                ("ceremony", begun["ceremony"].as_str().unwrap()),
                ("credential", signed),
            ];
            browser
                .post("/sign-in/passkey/finish", &fields)
                .await
                .status
        };
        let begun = begin(&fresh, "/sign-in/passkey/begin").await;
        let signed = key.get(&begun["options"]);
        let thief = house.browser.another();
        assert_eq!(
            finish(&thief, &begun, &signed).await,
            StatusCode::BAD_REQUEST
        );
        assert_eq!(finish(&fresh, &begun, &signed).await, StatusCode::SEE_OTHER);
        assert_eq!(
            finish(&fresh, &begun, &signed).await,
            StatusCode::BAD_REQUEST,
            "replayed"
        );

        let next = begin(&fresh, "/sign-in/passkey/begin").await;
        assert_eq!(
            finish(&fresh, &next, &signed).await,
            StatusCode::BAD_REQUEST,
            "another challenge"
        );
        let late = begin(&fresh, "/sign-in/passkey/begin").await;
        let signed = key.get(&late["options"]);
        house.clock.advance(301);
        assert_eq!(
            finish(&fresh, &late, &signed).await,
            StatusCode::BAD_REQUEST,
            "too late"
        );
        let cloned = begin(&fresh, "/sign-in/passkey/begin").await;
        key.counter = 0;
        let signed = key.get(&cloned["options"]);
        assert_eq!(
            finish(&fresh, &cloned, &signed).await,
            StatusCode::BAD_REQUEST,
            "counter ran backwards"
        );
    }
);

on_both!(
    a_removed_passkey_opens_nothing_and_strangers_remove_none,
    false,
    |house| {
        let mut key = house.with_passkey().await;
        let page = house.browser.get("/account").await.text;
        let id = page.split("name=\"id\" value=\"").nth(1).unwrap()[..26].to_owned();
        let stranger = house.browser.another();
        house
            .by_code(&stranger, JUAN, &house.code(JUAN).await, "/")
            .await;
        let got = stranger
            .post("/account/passkeys/remove", &[("id", &id)])
            .await;
        assert_eq!(got.status, StatusCode::NOT_FOUND);
        house
            .browser
            .post("/account/passkeys/remove", &[("id", &id)])
            .await;
        let begun = begin(&stranger, "/sign-in/passkey/begin").await;
        let signed = key.get(&begun["options"]);
        let fields = [
            ("ceremony", begun["ceremony"].as_str().unwrap()),
            ("credential", &signed),
        ];
        let got = stranger.post("/sign-in/passkey/finish", &fields).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST);
    }
);

on_both!(
    officials_have_their_posts_rights_and_lose_them_at_once,
    false,
    |house| {
        house
            .by_code(&house.browser, JUAN, &house.code(JUAN).await, "/")
            .await;
        let actor = house.actor(&house.browser).await.unwrap();
        assert!(actor.may("case.read") && !actor.may("case.decide"));

        let less = Post {
            code: "licencias".into(),
            name: "Licencias".into(),
            rights: vec![],
        };
        house.identity.put_post(&less).await.unwrap();
        assert!(!house.actor(&house.browser).await.unwrap().may("case.read"));

        let got = house
            .browser
            .post("/account/act", &[("post", "gerencia")])
            .await;
        assert_eq!(got.status, StatusCode::FORBIDDEN);
        house.browser.post("/account/act", &[("post", "")]).await;
        assert!(!house.actor(&house.browser).await.unwrap().is_official());
        house
            .browser
            .post("/account/act", &[("post", "licencias")])
            .await;
        assert!(house.actor(&house.browser).await.unwrap().is_official());
        house
            .identity
            .dismiss(&house.juan, "licencias")
            .await
            .unwrap();
        assert!(house.actor(&house.browser).await.is_none());
        assert!(
            house
                .identity
                .add_official(ROSA, "Rosa", "none")
                .await
                .is_err()
        );
    }
);

on_both!(the_desk_hands_out_codes_and_only_who_may, false, |house| {
    house
        .by_code(&house.browser, ROSA, &house.code(ROSA).await, "/")
        .await;
    assert_eq!(
        house.browser.get("/codes").await.status,
        StatusCode::FORBIDDEN
    );
    let desk = house.browser.another();
    house
        .by_code(&desk, JUAN, &house.code(JUAN).await, "/")
        .await;
    let got = desk
        .post("/codes", &[("number", "87654321"), ("name", "")])
        .await;
    assert!(got.text.contains("Nadie tiene cuenta"), "{}", got.text);
    let got = desk
        .post("/codes", &[("number", "1234"), ("name", "Ana")])
        .await;
    assert!(got.text.contains("DNI no es válido") && got.text.contains("value=\"Ana\""));
    let got = desk
        .post("/codes", &[("number", "87654321"), ("name", "Ana Puma")])
        .await;
    let code = got.text.split("<b class=\"code\">").nth(1).unwrap()[..9].to_owned();
    let ana = house.browser.another();
    let got = house.by_code(&ana, "87654321", &code, "/").await;
    assert_eq!(got.status, StatusCode::SEE_OTHER);
    assert_eq!(house.actor(&ana).await.unwrap().name, "Ana Puma");
});

on_both!(
    picking_a_person_works_in_a_practice_country,
    true,
    |house| {
        let page = house.browser.get("/sign-in").await.text;
        assert!(page.contains("Rosa Quispe Mamani") && page.contains("Licencias"));
        for number in 0..58 {
            let subject = (70_000_000 + number * 7_919).to_string();
            house
                .identity
                .add_person(&subject, &format!("Persona de Prueba {number}"))
                .await
                .unwrap();
        }
        let request = http::Request::get("/sign-in").header("accept-encoding", "gzip");
        let wire = house
            .browser
            .send(request, axum::body::Body::empty())
            .await
            .bytes
            .len();
        assert!(
            wire < 13_000,
            "{wire} bytes: more than the first flight of a slow line"
        );
        house
            .browser
            .post("/sign-in/practice", &[("account", &house.rosa)])
            .await;
        assert_eq!(house.actor(&house.browser).await.unwrap().subject, ROSA);
    }
);

on_both!(
    picking_a_person_is_refused_in_a_real_country,
    false,
    |house| {
        assert!(
            !house
                .browser
                .get("/sign-in")
                .await
                .text
                .contains("Rosa Quispe")
        );
        let got = house
            .browser
            .post("/sign-in/practice", &[("account", &house.rosa)])
            .await;
        assert_eq!(got.status, StatusCode::NOT_FOUND);
        assert!(house.actor(&house.browser).await.is_none());
    }
);

on_both!(
    one_person_has_one_account_however_the_number_is_written,
    false,
    |house| {
        let same = house.identity.add_person("45678901-7", "Rosa Q.").await;
        let check = dni().check_characters(ROSA).to_owned();
        let written = format!("{ROSA}-{}", &check[..1]);
        assert_eq!(
            house
                .identity
                .add_person(&written, "Rosa Q.")
                .await
                .unwrap(),
            house.rosa
        );
        assert_eq!(same.is_ok(), check.contains('7'));
        assert!(house.identity.add_person("4567890", "Rosa").await.is_err());
        assert!(house.identity.add_person(ROSA, "  ").await.is_err());
        assert_eq!(house.identity.people().await.unwrap().len(), 2);
    }
);

on_both!(other_devices_can_be_signed_out, false, |house| {
    let token = house
        .identity
        .open_session(&house.rosa, Method::Code)
        .await
        .unwrap();
    house
        .by_code(&house.browser, ROSA, &house.code(ROSA).await, "/")
        .await;
    house.browser.post("/account/sessions/end", &[]).await;
    assert!(house.identity.actor_of(&token).await.unwrap().is_none());
    assert!(house.actor(&house.browser).await.is_some());
});

#[test]
fn texts_hold_the_same_keys_in_all_languages() {
    let read = |tag: &str| std::fs::read_to_string(format!("texts/{tag}.ftl")).unwrap();
    let (es, qu, en) = (read("es"), read("qu"), read("en"));
    let sources = [
        (kernel::Locale::Es, es.as_str()),
        (kernel::Locale::Qu, &qu),
        (kernel::Locale::En, &en),
    ];
    web::texts::check("identity", &sources).unwrap();
}
