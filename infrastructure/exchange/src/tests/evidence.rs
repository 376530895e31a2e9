//! Systems fetch their messages as containers, and everything that a stranger needs to judge them.

use tokio::net::TcpListener;
use trust::asic::verify_container;
use trust::globalconf::verification;
use trust::zip;
use web::client::{Http, HttpAnswer};

use super::attacks::two;
use crate::testing::{clock, question};
use store::testing::both_at;

const PARTY: &str = "xRoadInstance=PE&memberClass=GOB&memberCode=MUNI&subsystemCode=licencias";

fn name_of(answer: &HttpAnswer) -> String {
    let value = answer.headers.get("content-disposition").unwrap();
    let name = value.to_str().unwrap().split('"').nth(1);
    name.unwrap().to_owned()
}

#[tokio::test]
async fn systems_fetch_what_proves_their_questions() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (country, muni, reniec, _folder) = two(store, time.clone()).await;
            muni.exchange.ask(question()).await.unwrap();
            let number = muni.exchange.questions_about("40000001").await.unwrap()[0]
                .number
                .clone();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let base = format!("http://{}", listener.local_addr().unwrap());
            let _systems = muni.exchange.serve_systems(listener, false).unwrap();
            let http = Http::plain();
            let get = async |query: &str| http.get(&format!("{base}{query}")).await.unwrap();

            country.set_away(true);
            let waiting = get(&format!("/asic?queryId={number}&{PARTY}")).await;
            assert_eq!(waiting.status, 500);
            assert!(
                waiting
                    .body
                    .starts_with(b"the message's signature has not been"),
                "{:?}",
                waiting.body
            );
            let forced = get(&format!("/asic?queryId={number}&{PARTY}&force")).await;
            assert_eq!(
                (
                    forced.status.as_u16(),
                    forced.headers["content-type"].to_str().unwrap()
                ),
                (500, "text/plain;charset=utf-8")
            );
            country.set_away(false);

            let both = get(&format!("/asic?queryId={number}&{PARTY}&force=1")).await;
            assert_eq!(
                (both.status.as_u16(), name_of(&both)),
                (200, format!("{number}.zip"))
            );
            let both = zip::read(&both.body, zip::CONTAINER).unwrap();
            assert_eq!(both.entries.len(), 2);
            let conf = get("/verificationconf").await;
            assert_eq!(
                (conf.status.as_u16(), name_of(&conf).as_str()),
                (200, "verificationconf.zip")
            );
            let conf = zip::read(&conf.body, zip::CONTAINER).unwrap();
            assert_eq!(
                conf.get("verificationconf/instance-identifier"),
                Some(&b"PE"[..])
            );
            let files: Vec<_> = conf
                .entries
                .into_iter()
                .map(|one| (one.name, one.bytes))
                .collect();
            let params = verification::read(&files).unwrap();
            let now = kernel::Clock::now(&*time);
            for (entry, response) in both.entries.iter().zip([false, true]) {
                let proof = verify_container(&entry.bytes, &params[0], now)
                    .verdict
                    .unwrap();
                assert_eq!(proof.sender().response, response);
                assert_eq!(proof.sender().message.as_deref(), Some(number.as_str()));
                let half = if response { "response" } else { "request" };
                assert!(
                    entry.name.starts_with(&format!("{number}-{half}-"))
                        && entry.name.ends_with(".asice")
                );
                let one = get(&format!("/asic?queryId={number}&{PARTY}&{half}Only&unique")).await;
                assert_eq!(
                    (name_of(&one), &one.body[..]),
                    (entry.name.clone(), &entry.bytes[..])
                );
                let zipped = get(&format!("/asic?queryId={number}&{PARTY}&{half}Only")).await;
                assert_eq!(name_of(&zipped), format!("{number}-{half}.zip"));
            }
            for (query, status) in [
                (
                    format!("queryId={number}&{PARTY}&requestOnly&responseOnly"),
                    400,
                ),
                (format!("queryId={number}&{PARTY}&unique"), 400),
                (format!("{PARTY}&unique"), 400),
                (
                    format!("queryId={number}&xRoadInstance=PE&memberClass=GOB"),
                    400,
                ),
                (format!("queryId=%zz&{PARTY}"), 400),
                (
                    format!("queryId={number}&xRoadInstance=PE&memberClass=GOB&memberCode=MUNI"),
                    401,
                ),
                (
                    format!(
                        "queryId={number}&{}",
                        PARTY
                            .replace("MUNI", "RENIEC")
                            .replace("licencias", "registro")
                    ),
                    401,
                ),
                (
                    format!("queryId={number}&{}", PARTY.replace("licencias", "otra")),
                    401,
                ),
                (format!("queryId=other&{PARTY}"), 404),
            ] {
                let answer = get(&format!("/asic?{query}")).await;
                assert_eq!(answer.status, status, "{query}: {:?}", answer.body);
                assert_eq!(answer.headers["content-type"], "text/plain;charset=utf-8");
            }
            let post = http
                .post(&format!("{base}/asic"), "text/plain", "x")
                .await
                .unwrap();
            assert_eq!(post.status, 400);
            // The provider holds the same message under its own subsystem.
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let there = format!("http://{}", listener.local_addr().unwrap());
            let _systems = reniec.exchange.serve_systems(listener, false).unwrap();
            let party = PARTY
                .replace("MUNI", "RENIEC")
                .replace("licencias", "registro");
            let own = http
                .get(&format!(
                    "{there}/asic?queryId={number}&{party}&force&requestOnly&unique"
                ))
                .await
                .unwrap();
            assert_eq!(own.status, 200, "{:?}", own.body);
            verify_container(&own.body, &params[0], now)
                .verdict
                .unwrap();
        }
    })
    .await;
}
