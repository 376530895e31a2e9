//! Questions that are answered, and what stays of them.

use kernel::fact::value::Value;
use store::testing::both_at;

use super::country::*;
use crate::AskError;

#[tokio::test]
async fn a_question_is_answered_and_verified() {
    let time = clock();
    both_at(time.clone(), |a| {
        let time = time.clone();
        async move {
            both_at(time.clone(), |b| {
                let (time, a) = (time.clone(), a.clone());
                async move {
                    let (_country, muni, _reniec) = pair(time, a, b).await;
                    let answer = muni.exchange.ask(question()).await.unwrap();
                    assert_eq!(answer.signer(), &member("RENIEC"));
                    let answer = answer.into_inner();
                    let values: Vec<_> =
                        answer.facts.iter().map(|fact| fact.value.clone()).collect();
                    assert_eq!(
                        values,
                        [Value::Text("Rosa Quispe Mamani".into()), Value::Bool(true)]
                    );
                    assert_eq!(answer.facts[0].evidence, answer.evidence);
                }
            })
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn without_agreement_nobody_asks() {
    let time = clock();
    both_at(time.clone(), |a| {
        let time = time.clone();
        async move {
            let folder = store::testing::Folder::new();
            let b = store::testing::sqlite(&folder, time.clone()).await;
            let (_country, muni, _reniec) = pair(time, b, a).await;
            let other = crate::Ask {
                purpose: "curiosidad".into(),
                ..question()
            };
            let error = muni.exchange.ask(other).await.unwrap_err();
            assert!(matches!(error, AskError::NoAgreement { .. }), "{error}");
        }
    })
    .await;
}
