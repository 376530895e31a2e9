//! A session that ends while somebody fills in a form loses nothing: what was typed waits until they are back.
//!
//! The form carries a mark of whose it is. What arrives without a session is kept under the browser's number and that
//! mark, and is shown once to the same account on the same browser. On a shared machine the next person sees nothing
//! of it. It refuses files (they are attached again) and anything larger than a form.

use aws_lc_rs::digest;
use kernel::{Actor, Fault};
use store::Store;
use web::{Fields, Visit};

use crate::sql;

/// Name of the form field that tells whose form it is.
pub const WHOSE_FIELD: &str = "whose";
/// How long something is kept: a working day with its evening.
const KEPT_SECONDS: i64 = 12 * 3600;
/// Largest form kept, in bytes of JSON; our longest step has a few thousand.
const KEPT_BYTES_MAX: usize = 64 * 1024;
/// Most places per browser: bounds what somebody without an account can make us keep.
const KEPT_PLACES_MAX: i64 = 8;

/// The mark of this person's forms on this browser; tells nobody who it is.
pub fn whose(visit: &Visit, actor: &Actor) -> String {
    digest_text(&["whose", &visit.visitor, &actor.account])
}

fn digest_text(parts: &[&str]) -> String {
    let hash = digest::digest(&digest::SHA256, parts.join("\n").as_bytes());
    hash.as_ref()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The browser as the table knows it; the number itself would let a reader of the table forge forms.
fn browser(visit: &Visit) -> String {
    digest_text(&["browser", &visit.visitor])
}

/// Keeps what came without a session. Too much, or a form without a mark, is dropped silently: signing in comes first.
pub async fn keep(store: &Store, visit: &Visit, place: &str, fields: &Fields) -> Result<(), Fault> {
    let mark = fields.text(WHOSE_FIELD);
    let text = serde_json::to_string(&fields.0).map_err(Fault::internal)?;
    if mark.is_empty() || mark.len() > 64 || text.len() > KEPT_BYTES_MAX {
        return Ok(());
    }
    let mut tx = store.begin().await.map_err(Fault::internal)?;
    sql::sweep(&mut tx, visit.now.plus_seconds(-KEPT_SECONDS))
        .await
        .map_err(Fault::internal)?;
    let browser = browser(visit);
    if sql::kept_count(&mut tx, &browser)
        .await
        .map_err(Fault::internal)?
        < KEPT_PLACES_MAX
    {
        sql::keep(&mut tx, &browser, place, mark, &text, visit.now)
            .await
            .map_err(Fault::internal)?;
    }
    tx.commit().await.map_err(Fault::internal)
}

/// What was kept for this person here, once.
pub async fn take(
    store: &Store,
    visit: &Visit,
    actor: &Actor,
    place: &str,
) -> Result<Option<Fields>, Fault> {
    let mut tx = store.begin().await.map_err(Fault::internal)?;
    let since = visit.now.plus_seconds(-KEPT_SECONDS);
    let kept = sql::take(&mut tx, &browser(visit), place, &whose(visit, actor), since).await;
    let kept = kept.map_err(Fault::internal)?;
    tx.commit().await.map_err(Fault::internal)?;
    Ok(kept
        .and_then(|text| serde_json::from_str(&text).ok())
        .map(Fields))
}

#[cfg(test)]
mod tests {
    use kernel::{Assurance, Locale, Role};

    use super::*;

    fn actor(account: &str) -> Actor {
        Actor {
            account: account.into(),
            subject: "99000011".into(),
            name: "Rosa".into(),
            role: Role::Person,
            assurance: Assurance::High,
        }
    }

    async fn ready(store: &Store) {
        store
            .migrate(&[("portal", sql::MIGRATIONS)])
            .await
            .expect("migrates");
    }

    #[tokio::test]
    async fn what_was_typed_comes_back_once_and_to_nobody_else() {
        store::testing::both(|store| async move {
            ready(&store).await;
            let visit = web::testing::visit(&[], Locale::Es, None);
            let (rosa, other) = (actor("rosa"), actor("other"));
            let typed = Fields(vec![
                (WHOSE_FIELD.into(), whose(&visit, &rosa)),
                ("address".into(), "Calle del Medio 105".into()),
            ]);
            keep(&store, &visit, "/p", &typed).await.expect("keeps");
            assert_eq!(
                take(&store, &visit, &other, "/p").await.expect("asks"),
                None
            );
            assert_eq!(take(&store, &visit, &rosa, "/q").await.expect("asks"), None);
            assert_eq!(
                take(&store, &visit, &rosa, "/p").await.expect("asks"),
                Some(typed)
            );
            assert_eq!(take(&store, &visit, &rosa, "/p").await.expect("asks"), None);
        })
        .await;
    }

    #[tokio::test]
    async fn it_is_forgotten_after_hours_and_bounded_in_size_and_number() {
        store::testing::both(|store| async move {
            ready(&store).await;
            let mut visit = web::testing::visit(&[], Locale::Es, None);
            let rosa = actor("rosa");
            let mark = (WHOSE_FIELD.to_owned(), whose(&visit, &rosa));
            let large = Fields(vec![mark.clone(), ("a".into(), "x".repeat(KEPT_BYTES_MAX))]);
            keep(&store, &visit, "/large", &large)
                .await
                .expect("drops it");
            assert_eq!(
                take(&store, &visit, &rosa, "/large").await.expect("asks"),
                None
            );
            for place in 0..=KEPT_PLACES_MAX {
                let fields = Fields(vec![mark.clone()]);
                keep(&store, &visit, &format!("/{place}"), &fields)
                    .await
                    .expect("keeps");
            }
            let last = format!("/{KEPT_PLACES_MAX}");
            assert_eq!(
                take(&store, &visit, &rosa, &last).await.expect("asks"),
                None
            );
            visit.now = visit.now.plus_seconds(KEPT_SECONDS + 1);
            assert_eq!(take(&store, &visit, &rosa, "/0").await.expect("asks"), None);
        })
        .await;
    }
}
