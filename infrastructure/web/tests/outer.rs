//! What every page request gets, told by requests: headers, language, form tokens, limits, error pages, size.

use axum::body::Body;
use http::{Request, StatusCode, header};
use kernel::{Actor, Fault, Locale, Role};
use maud::html;
use web::testing::{Got, Tester};
use web::{Audience, Failure, Fields, Form, Page, Room, Routes, Upload, Visit, page};

async fn home(visit: Visit) -> Page {
    Ok(page(
        &visit,
        "Inicio",
        html! { p { "<" (visit.locale.tag()) ">" } },
    ))
}

async fn echo(visit: Visit, Form(fields): Form<Fields>) -> Page {
    Ok(page(
        &visit,
        "Eco",
        html! { p #echo { (fields.text("word")) } },
    ))
}

async fn files(visit: Visit, upload: Upload) -> Page {
    let sizes: Vec<usize> = upload.files.iter().map(|file| file.bytes.len()).collect();
    Ok(page(
        &visit,
        "Archivos",
        html! { p { (upload.fields.text("word")) " " (format!("{sizes:?}")) } },
    ))
}

async fn broken() -> Page {
    Err(Failure::from(Fault::internal("secret cause")))
}

async fn panics() -> Page {
    panic!("secret panic")
}

fn room() -> Room {
    let routes = Routes::new()
        .get("/", home)
        .post("/echo", echo)
        .post("/files", files)
        .get("/broken", broken)
        .get("/panics", panics)
        .only(Audience::Person)
        .get("/mine", home)
        .post("/mine", echo)
        .only(Audience::Right("case.read"))
        .get("/desk", home);
    Room::new("sample").routes(routes)
}

fn tester() -> Tester {
    Tester::new(&[room()])
}

fn header_of<'g>(got: &'g Got, name: &str) -> &'g str {
    got.headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
}

#[tokio::test]
async fn every_page_carries_the_security_headers_and_no_script_runs_inline() {
    let got = tester().get("/").await;
    let policy = header_of(&got, "content-security-policy");
    for part in [
        "default-src 'none'",
        "style-src 'sha256-",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    assert!(!policy.contains("unsafe"));
    assert_eq!(header_of(&got, "x-content-type-options"), "nosniff");
    assert_eq!(header_of(&got, "cache-control"), "no-store");
    assert!(!got.text.contains("style=\"") && !got.text.contains("onclick"));
    assert!(got.text.matches("<script").count() == 1 && got.text.contains("defer></script>"));
}

#[tokio::test]
async fn the_policy_names_the_hash_of_the_very_style_on_the_page() {
    let got = tester().get("/").await;
    let style = got
        .text
        .split("<style>")
        .nth(1)
        .and_then(|rest| rest.split("</style>").next());
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, style.unwrap().as_bytes());
    let hash = data_encoding::BASE64.encode(hash.as_ref());
    assert!(header_of(&got, "content-security-policy").contains(&format!("'sha256-{hash}'")));
}

#[tokio::test]
async fn a_form_without_the_visitors_own_token_is_refused() {
    let tester = tester();
    let ours = tester.post("/echo", &[("word", "kawsay")]).await;
    assert_eq!(
        (ours.status, ours.text.contains("kawsay")),
        (StatusCode::OK, true)
    );

    let stranger = tester.another();
    let stolen = stranger.token().await;
    let kind = "application/x-www-form-urlencoded";
    for token in ["", "AAAA", stolen.as_str()] {
        let got = tester
            .post_raw("/echo", kind, format!("csrf={token}&word=x"))
            .await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{token}");
        assert!(!got.text.contains("id=\"echo\""));
    }
}

#[tokio::test]
async fn a_form_sent_by_another_site_is_refused_even_with_a_token() {
    let tester = tester();
    let foreign = tester.clone().header("sec-fetch-site", "cross-site");
    assert_eq!(
        foreign.post("/echo", &[]).await.status,
        StatusCode::FORBIDDEN
    );
    let own = tester.header("sec-fetch-site", "same-origin");
    assert_eq!(own.post("/echo", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn tokens_differ_on_each_page_yet_all_hold() {
    let tester = tester();
    let (first, second) = (tester.token().await, tester.token().await);
    tester.get("/").await;
    assert_eq!(first, second, "the tester's chance is seeded");
    let page = Tester::signed_in(&[room()], Actor::system("x"));
    let token =
        |got: &Got| got.text.split("name=\"csrf\" value=\"").nth(1).unwrap()[..43].to_owned();
    let (a, b) = (token(&page.get("/").await), token(&page.get("/").await));
    assert_ne!(a, b);
    for token in [a, b] {
        let form = format!("csrf={token}&word=x");
        let got = page
            .post_raw("/echo", "application/x-www-form-urlencoded", form)
            .await;
        assert_eq!(got.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn what_people_type_is_escaped() {
    let got = tester()
        .post("/echo", &[("word", "<script>alert(1)</script>\"'&")])
        .await;
    assert!(got.text.contains("&lt;script&gt;alert(1)"));
    assert!(!got.text.contains("<script>alert"));
}

#[tokio::test]
async fn a_body_over_the_limit_gets_413_whether_it_tells_its_length_or_not() {
    let tester = tester();
    let long = "x".repeat(600 * 1024);
    assert_eq!(
        tester.post("/echo", &[("word", &long)]).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let told = Request::post("/echo")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::CONTENT_LENGTH, "99999999");
    let got = tester.send(told, Body::from("csrf=x")).await;
    assert_eq!(got.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(got.text.contains("pesa más"));
}

#[tokio::test]
async fn files_arrive_with_their_fields_and_too_large_ones_do_not() {
    let tester = tester();
    let small = [("plan", "p.pdf", "application/pdf", b"%PDF".as_slice())];
    let got = tester.upload("/files", &[("word", "hola")], &small).await;
    assert!(got.text.contains("hola [4]"), "{}", got.text);
    let big = vec![0_u8; 21 * 1024 * 1024];
    let got = tester
        .upload("/files", &[], &[("plan", "p.pdf", "application/pdf", &big)])
        .await;
    assert_eq!(got.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn faults_become_pages_with_a_reference_and_without_their_cause() {
    let tester = tester().header(
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    );
    for path in ["/broken", "/panics"] {
        let got = tester.get(path).await;
        assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(got.text.contains("4bf9-2f35-77b3") && got.text.contains("La falla es nuestra"));
        assert!(!got.text.contains("secret"));
    }
    let got = tester.send(
        Request::get("/broken").header(header::ACCEPT, "application/json"),
        Body::empty(),
    );
    let got: serde_json::Value = serde_json::from_str(&got.await.text).unwrap();
    assert_eq!(
        (&got["error"], &got["reference"]),
        (&"fault-internal".into(), &"4bf9-2f35-77b3".into())
    );
}

#[tokio::test]
async fn unknown_addresses_and_methods_have_their_own_pages() {
    let tester = tester();
    let got = tester.get("/nowhere").await;
    assert_eq!(
        (got.status, got.text.contains("Esta dirección no existe")),
        (StatusCode::NOT_FOUND, true)
    );
    let got = tester.get("/echo").await;
    assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(header_of(&got, "allow"), "POST");
    assert!(got.text.contains("no se usa así"));
}

#[tokio::test]
async fn the_audience_of_an_address_is_enforced_before_its_handler() {
    let got = tester().get("/mine?a=1&b=2").await;
    assert_eq!(
        (got.status, got.location()),
        (StatusCode::SEE_OTHER, "/sign-in?next=/mine%3Fa%3D1%26b%3D2")
    );
    let official = |rights: &[&str]| Actor {
        role: Role::Official {
            post: "licencias".into(),
            rights: rights.iter().map(ToString::to_string).collect(),
        },
        ..Actor::system("x")
    };
    let without = Tester::signed_in(&[room()], official(&["other"]));
    assert_eq!(without.get("/mine").await.status, StatusCode::OK);
    assert_eq!(without.get("/desk").await.status, StatusCode::FORBIDDEN);
    let with = Tester::signed_in(&[room()], official(&["case.read"]));
    assert_eq!(with.get("/desk").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_form_sent_after_the_session_ended_comes_back_with_all_that_was_typed() {
    let tester = tester();
    let got = tester
        .post("/mine", &[("word", "q'ipi \"<b>"), ("word", "two")])
        .await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    assert!(
        got.text
            .contains("name=\"word\" value=\"q'ipi &quot;&lt;b&gt;\""),
        "{}",
        got.text
    );
    assert!(got.text.contains("value=\"two\"") && got.text.contains("action=\"/mine\""));
    assert_eq!(got.text.matches("name=\"csrf\"").count(), 1);
    let token = got.text.split("name=\"csrf\" value=\"").nth(1).unwrap()[..43].to_owned();
    tester.cookie("prueba-session", "signed-in-beside");
    let sent = format!("csrf={token}&word=two");
    let kind = "application/x-www-form-urlencoded";
    assert_eq!(
        tester.post_raw("/echo", kind, sent).await.status,
        StatusCode::OK,
        "the token still holds"
    );
    let foreign = tester.post_raw("/mine", kind, "csrf=x&word=planted").await;
    assert_eq!(
        (foreign.status, foreign.text.contains("planted")),
        (StatusCode::FORBIDDEN, false)
    );
}

#[tokio::test]
async fn languages_are_asked_for_chosen_and_kept() {
    let tester = tester().header("accept-language", "qu-PE, es;q=0.8");
    let got = tester.get("/").await;
    assert!(got.text.contains("<html lang=\"qu\">") && got.text.contains("Haykuy"));
    let got = tester.get("/mine?lang=en&a=1").await;
    assert_eq!(
        (got.status, got.location()),
        (StatusCode::SEE_OTHER, "/mine?a=1")
    );
    assert!(tester.get("/").await.text.contains("<html lang=\"en\">"));
    let got = tester.get("//evil.example/?lang=es").await;
    assert_eq!(got.location(), "/evil.example/");
}

#[tokio::test]
async fn too_many_requests_are_told_to_wait() {
    let clock = std::sync::Arc::new(kernel::SetClock::at(web::testing::TEST_START));
    let rooms = [room()];
    let mut settings = web::testing::settings(&rooms, clock.clone(), web::OuterSettings::nobody());
    settings.limits.burst = 3;
    settings.limits.per_second = 1;
    let tester = Tester::of(web::outer(rooms[0].routes.router(), settings));
    for _ in 0..3 {
        assert_eq!(tester.get("/").await.status, StatusCode::OK);
    }
    assert_eq!(tester.get("/").await.status, StatusCode::TOO_MANY_REQUESTS);
    clock.advance(2);
    assert_eq!(tester.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_empty_frame_is_small_on_the_wire() {
    let request = Request::get("/").header(header::ACCEPT_ENCODING, "gzip");
    let got = tester().send(request, Body::empty()).await;
    assert_eq!(header_of(&got, "content-encoding"), "gzip");
    println!("empty frame: {} bytes gzipped", got.bytes.len());
    assert!(got.bytes.len() < 6_000, "{} bytes", got.bytes.len());
}

#[tokio::test]
async fn assets_are_cached_for_ever_under_the_hash_of_their_content() {
    let tester = tester();
    let page = tester.get("/").await.text;
    let script = page
        .split("script src=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap();
    let got = tester.get(script).await;
    assert_eq!(
        (got.status, header_of(&got, "content-type")),
        (StatusCode::OK, "text/javascript; charset=utf-8")
    );
    assert!(header_of(&got, "cache-control").contains("immutable"));
    assert!(!got.headers.contains_key(header::SET_COOKIE));
}

#[tokio::test]
async fn dates_and_numbers_speak_the_readers_language_and_the_bodys_time() {
    let moment = kernel::Moment::parse_iso("2026-11-24T02:05:00Z").unwrap();
    let told = |locale| {
        let visit = web::testing::visit(&[], locale, None);
        (
            visit.date_time(moment),
            visit.weekday_date(moment),
            visit.number(1_234_567),
        )
    };
    assert_eq!(
        told(Locale::Es),
        (
            "23 de noviembre de 2026, 21:05 h".into(),
            "lunes 23 de noviembre de 2026".into(),
            "1\u{202f}234\u{202f}567".into()
        )
    );
    let (en, _, number) = told(Locale::En);
    assert_eq!(
        (en.as_str(), number.as_str()),
        ("23 November 2026, 21:05", "1,234,567")
    );
    assert!(told(Locale::Qu).0.contains("ayamarq'a killa"));
}
