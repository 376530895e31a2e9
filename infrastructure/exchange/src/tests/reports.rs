//! Daily figures: counted on both sides, sent signed to the authority, and refused from anybody else.

use kernel::{Actor, Clock, Role};
use store::testing::{Folder, both_at, sqlite};
use trust::ca::DAY;
use web::testing::Tester;

use super::attacks::two;
use super::country::*;
use crate::Ask;
use crate::ask::{Behalf, Outgoing};

#[tokio::test]
async fn the_authority_sees_both_sides_and_nobody_reports_for_another() {
    let time = clock();
    both_at(time.clone(), |store| {
        let time = time.clone();
        async move {
            let (country, muni, reniec, _folder) = two(store, time.clone()).await;
            let folder = Folder::new();
            let office = sqlite(&folder, time.clone()).await;
            let authority = country.body("AUTORIDAD", &["gestion"], office).await;
            country
                .publish(3 * DAY, &[&muni, &reniec, &authority])
                .await;
            let day = time.now().iso()[..10].to_owned();
            muni.exchange.ask(question()).await.unwrap();
            let other = Ask {
                purpose: "otra".into(),
                ..question()
            };
            muni.exchange.ask(other).await.unwrap_err();
            time.advance(DAY);
            for node in [&muni, &reniec] {
                node.exchange.send_reports().await.unwrap();
                assert_eq!(
                    node.exchange.send_reports().await.unwrap(),
                    0,
                    "each day once"
                );
            }
            let held = authority.exchange.reports(&day, &day).await.unwrap();
            assert_eq!(held.len(), 2);
            for (report, side) in held.iter().zip(["client", "provider"]) {
                let line = report
                    .lines
                    .iter()
                    .find(|line| line.service == persons().to_string())
                    .unwrap();
                assert_eq!(
                    (line.side.as_str(), line.asked, line.answered),
                    (side, 1, 1)
                );
            }
            assert_eq!(held[0].early[0].code, "access_denied");
            let text = serde_json::to_string(&held[0]).unwrap();
            assert!(!text.contains("40000001") && !text.contains("Rosa"));
            let role = Role::Official {
                post: "sistemas".into(),
                rights: vec![crate::http::READ.into()],
            };
            let tester = Tester::signed_in(
                &[authority.exchange.room()],
                Actor {
                    role,
                    ..Actor::system("ana")
                },
            );
            let page = tester
                .get(&format!("/exchange/reports?from={day}&until={day}"))
                .await
                .text;
            assert!(
                page.contains("0 %: 0 de 1") && page.contains("class=\"bars\""),
                "{page}"
            );
            let machine = tester.get("/exchange/reports.json").await.text;
            assert!(machine.contains("tambo-report-1") && !machine.contains("40000001"));
            // In another's name, in no form, and at a node that is not the authority's.
            for (node, to, body, status) in [
                (&reniec, "PE/GOB/AUTORIDAD/gestion", text.as_str(), 403),
                (&muni, "PE/GOB/AUTORIDAD/gestion", "{}", 400),
                (&muni, "PE/GOB/RENIEC/registro", text.as_str(), 404),
            ] {
                let client = if node.member == muni.member {
                    asking()
                } else {
                    persons().subsystem
                };
                let service = to
                    .parse::<kernel::SubsystemId>()
                    .unwrap()
                    .service("reports");
                let out = Outgoing::built_in(
                    client,
                    service,
                    "",
                    body.as_bytes().to_vec(),
                    Behalf::default(),
                );
                let answered = node.exchange.send(out).await.unwrap().into_inner();
                assert_eq!(answered.response.status, status, "{to}");
            }
            // Another text for a day that is held is not taken.
            let changed = text.replace("\"answered\":1", "\"answered\":9");
            let service = "PE/GOB/AUTORIDAD/gestion/reports".parse().unwrap();
            let out = Outgoing::built_in(
                asking(),
                service,
                "",
                changed.into_bytes(),
                Behalf::default(),
            );
            let answered = muni.exchange.send(out).await.unwrap().into_inner();
            assert_eq!(answered.response.status, 409);
        }
    })
    .await;
}
