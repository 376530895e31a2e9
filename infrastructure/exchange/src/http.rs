//! The addresses of the exchange: the directory for other nodes, and pages for officials who may read the journal.
//!
//! Handlers decide nothing: they read, and `pages` draws. Whoever downloads a container leaves an entry in the log.

pub mod agreements;
mod reports;
pub mod services;
mod why;

mod deliver;

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kernel::{Fault, Locale};
use serde::Deserialize;
use trust::log::Entry;
use trust::sigalg::Hash;
use web::{Audience, Page, Room, Routes, Timer, Visit};

use crate::sql::{self, Half};
use crate::{Exchange, pages};

/// The right to read the journal and the agreements.
pub const READ: &str = "exchange.read";
/// Questions or agreements on one page.
const PAGE_ROWS: usize = 50;

/// This crate's texts.
pub const TEXTS: &[(Locale, &str)] = &[
    (Locale::Es, include_str!("../texts/es.ftl")),
    (Locale::Qu, include_str!("../texts/qu.ftl")),
    (Locale::En, include_str!("../texts/en.ftl")),
];

/// How often the directory is fetched anew.
const REFRESH: std::time::Duration = std::time::Duration::from_secs(60);
/// How often agreements in force are compared with what was signed, and past days are reported.
const AUDIT: std::time::Duration = std::time::Duration::from_secs(3_600);
/// How often questions without end are looked for.
const RECONCILE: std::time::Duration = std::time::Duration::from_secs(60);
/// How often the clock is compared with the machine's count of seconds.
const GUARD: std::time::Duration = std::time::Duration::from_secs(10);

impl Exchange {
    /// What the exchange brings to a house.
    pub fn room(&self) -> Room {
        let every = std::time::Duration::from_secs(self.inner.settings.stamp_every_seconds.max(1));
        let [
            stamping,
            auditing,
            reporting,
            refreshing,
            reconciling,
            guarding,
        ] = std::array::from_fn(|_| self.clone());
        let room = Room::new("exchange")
            .migrations(crate::MIGRATIONS)
            .texts(TEXTS)
            .routes(routes(self.clone()))
            .routes(pages::registries::routes(self.clone()))
            .job(self.deliver_job())
            .menu("/exchange/messages", "exchange-menu", Audience::Right(READ))
            .menu(
                "/exchange/services",
                "exchange-services-menu",
                Audience::Right(services::MANAGE),
            )
            .menu(
                "/registries",
                "exchange-registries-menu",
                Audience::Right(READ),
            )
            .timer(
                Timer::new("exchange-stamp", every, move || {
                    let exchange = stamping.clone();
                    async move { exchange.stamp().await.map(drop) }
                })
                .at_once(),
            )
            .timer(Timer::new("exchange-reports", AUDIT, move || {
                let exchange = reporting.clone();
                async move { exchange.send_reports().await.map(drop) }
            }))
            .timer(Timer::new("exchange-agreements", AUDIT, move || {
                let exchange = auditing.clone();
                async move { exchange.audit_agreements().await.map(drop) }
            }))
            .timer(Timer::new("exchange-directory", REFRESH, move || {
                let exchange = refreshing.clone();
                async move { exchange.refresh_directory().await }
            }))
            .timer(Timer::new("exchange-reconcile", RECONCILE, move || {
                let exchange = reconciling.clone();
                async move {
                    exchange.reconcile().await?;
                    exchange.settle().await.map(drop)
                }
            }))
            .timer(
                Timer::new("exchange-guard", GUARD, move || {
                    let exchange = guarding.clone();
                    async move {
                        exchange.look();
                        Ok(())
                    }
                })
                .at_once(),
            );
        deliver::timers(room, self)
    }
}

fn routes(exchange: Exchange) -> Routes {
    Routes::new()
        .only(Audience::Right(READ))
        .get("/exchange/messages", messages)
        .get("/exchange/messages/{number}", message)
        .get("/exchange/messages/{number}/{file}", container)
        .merge(agreements::routes())
        .merge(why::routes())
        .merge(reports::routes())
        .merge(services::routes())
        .merge(deliver::routes())
        .with_state(exchange)
}

#[derive(Deserialize)]
struct Paging {
    before: Option<String>,
}

async fn messages(
    visit: Visit,
    State(exchange): State<Exchange>,
    Query(paging): Query<Paging>,
) -> Page {
    let before = paging.before.unwrap_or_else(|| sql::BEYOND.to_owned());
    let mut tx = exchange.inner.store.read().await.map_err(Fault::from)?;
    let rows = sql::questions(&mut tx, &before, PAGE_ROWS)
        .await
        .map_err(Fault::from)?;
    Ok(pages::messages(&visit, &rows, PAGE_ROWS))
}

async fn message(
    visit: Visit,
    State(exchange): State<Exchange>,
    Path(number): Path<String>,
) -> Page {
    let mut tx = exchange.inner.store.read().await.map_err(Fault::from)?;
    let rows = sql::questions_by_number(&mut tx, &number)
        .await
        .map_err(Fault::from)?;
    if rows.is_empty() {
        return Err(Fault::missing("fault-missing").into());
    }
    Ok(pages::message(&visit, &rows))
}

async fn container(
    visit: Visit,
    State(exchange): State<Exchange>,
    Path((number, file)): Path<(String, String)>,
) -> Page {
    let half = match file.as_str() {
        "request.asice" => Half::Request,
        "response.asice" => Half::Response,
        _ => return Err(Fault::missing("fault-missing").into()),
    };
    let reader = visit.official(READ)?.account.clone();
    let bytes = exchange.container(&number, half).await?;
    let bytes = bytes.ok_or_else(|| Fault::missing("fault-missing"))?;
    exchange
        .enter_reading(&reader, &number, half, &bytes)
        .await?;
    Ok(download(&number, half, bytes))
}

fn download(number: &str, half: Half, bytes: Vec<u8>) -> Response {
    let plain: String = number
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .take(100)
        .collect();
    let name = format!("attachment; filename=\"{plain}-{}.asice\"", half.text());
    let headers = [
        (header::CONTENT_TYPE, trust::asic::MIME_TYPE.to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    (headers, bytes).into_response()
}

impl Exchange {
    /// Enters in the log that an official took a container away, which may hold personal data.
    pub(crate) async fn enter_reading(
        &self,
        account: &str,
        number: &str,
        half: Half,
        bytes: &[u8],
    ) -> Result<(), Fault> {
        let digest = Hash::Sha256
            .digest(bytes)
            .try_into()
            .expect("SHA-256 gives 32 bytes");
        let entry = Entry::new("exchange.container-read", self.inner.clock.now(), digest)
            .note("number", number.chars().take(300).collect::<String>())
            .note("half", half.text())
            .note("account", account.chars().take(100).collect::<String>());
        let mut tx = self.inner.store.begin().await?;
        self.inner.log.enter(&mut tx, entry).await?;
        Ok(tx.commit().await?)
    }
}
