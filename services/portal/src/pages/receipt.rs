//! The receipt of presentation (constancia): number, date and time, deadline, and how anybody verifies it. Printable.

use maud::{Markup, html};
use web::parts::{Row, Tone, link_button, link_quiet, notice, summary_list};
use web::{Page, Visit};

use super::{cord, parts, qr};
use crate::views::{ReceiptView, VerifiedReceipt};

/// The receipt.
pub fn receipt(visit: &Visit, view: &ReceiptView) -> Page {
    let body = html! {
        article.card {
            div.head {
                div {
                    p.soft { (visit.t("portal-receipt-number")) }
                    p.big { (view.number) }
                    p { (view.procedure) }
                }
                (qr::qr(&view.verify, &visit.t("portal-receipt-qr")))
            }
            (summary_list(visit, &rows(visit, view)))
            (cord::cord(visit, &view.clock))
            @if !view.clock.over { p { (parts::silence(visit, view.silence)) } }
        }
        @if view.waiting > 0 {
            (notice(Tone::Warn, "", html! { p { (visit.tt("portal-receipt-waiting", &[("count", parts::count(view.waiting))])) } }))
        }
        p.actions {
            @if let Some(pdf) = &view.pdf { (link_button(pdf, &visit.t("portal-receipt-pdf"))) }
            @else { span.soft { (visit.t("portal-receipt-pdf-later")) } " " }
            button.btn.quiet type="button" data-print hidden { (visit.t("portal-print")) }
            (link_quiet(&view.case, &visit.t("portal-receipt-follow")))
        }
        @if !view.clock.over { (next(visit)) }
    };
    Ok(web::page(visit, &visit.t("portal-receipt-title"), body))
}

/// What happens now.
fn next(visit: &Visit) -> Markup {
    html! {
        h2 { (visit.t("portal-receipt-next")) }
        ol.way {
            @for step in ["portal-receipt-next-1", "portal-receipt-next-2", "portal-receipt-next-3"] {
                li { (visit.t(step)) }
            }
        }
    }
}

/// What anybody sees who follows the QR code or types the receipt's code: that it is ours, and no names.
pub fn verified(visit: &Visit, view: &VerifiedReceipt) -> Page {
    let mut rows = vec![
        Row::text(visit.t("portal-receipt-number"), &view.number),
        Row::text(visit.t("portal-receipt-what"), &view.procedure),
        Row::markup(
            visit.t("portal-receipt-presented"),
            visit.time(view.presented),
        ),
        Row::markup(
            visit.t("portal-receipt-stage"),
            parts::stage(visit, view.stage),
        ),
    ];
    if let Some(due) = view.due {
        rows.push(Row::text(
            visit.t("portal-cord-due"),
            &visit.weekday_date(due),
        ));
    }
    rows.push(Row::markup(
        visit.t("portal-code"),
        html! { span.code { (view.code) } },
    ));
    let body = html! {
        (notice(Tone::Good, "", html! { p { strong { (visit.t("portal-receipt-genuine")) } } }))
        (summary_list(visit, &rows))
        p { (visit.t("portal-receipt-no-names")) }
    };
    Ok(web::page(visit, &visit.t("portal-receipt-verified"), body))
}

fn rows(visit: &Visit, view: &ReceiptView) -> Vec<Row> {
    let mut rows = vec![
        Row::text(visit.t("portal-receipt-applicant"), &view.applicant),
        Row::markup(
            visit.t("portal-receipt-presented"),
            visit.time(view.presented),
        ),
    ];
    if visit.date(view.counted_on) != visit.date(view.presented) {
        rows.push(Row::text(
            visit.t("portal-receipt-counted"),
            &visit.weekday_date(view.counted_on),
        ));
    }
    rows.push(Row::text(
        visit.t("portal-receipt-body"),
        &visit.body().name,
    ));
    if !view.code.is_empty() {
        let code = html! { a.code href=(view.verify) { (view.code) } };
        rows.push(Row::markup(visit.t("portal-code"), code));
    }
    rows
}
