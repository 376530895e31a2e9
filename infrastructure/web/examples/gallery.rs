//! Shows every part on one page: `cargo run -p web --example gallery`, then open http://127.0.0.1:8099/.
//! Read by whoever changes the look. Its words are samples, so they stand in code for once.

use std::sync::Arc;

use kernel::SystemClock;
use maud::html;
use web::parts::{self, Bar, Choice, Event, Meter, Picked, Row, Source, Tone};
use web::{Audience, Fields, Form, OuterSettings, Page, Room, Routes, Sheet, Visit, page};

const TEXTS: &[(kernel::Locale, &str)] = &[
    (
        kernel::Locale::Es,
        "gallery-home = Trámites\ngallery-form = Formulario\n",
    ),
    (
        kernel::Locale::Qu,
        "gallery-home = Trámitekuna\ngallery-form = Formulario\n",
    ),
    (
        kernel::Locale::En,
        "gallery-home = Procedures\ngallery-form = Form\n",
    ),
];

async fn home(visit: Visit) -> Page {
    let source = Source {
        who: "RENIEC".to_owned(),
        when: visit.now,
        evidence: "4bf92f35-77b3-4da6".to_owned(),
        place: "/evidence".to_owned(),
    };
    let rows = [
        Row::text("Nombre", "Rosa Quispe Mamani").source(source.clone()),
        Row::text("RUC", "10456789013").source(Source {
            who: "SUNAT".to_owned(),
            ..source
        }),
        Row::text("Nombre del negocio", "Bodega Pumamarka").action("/form", "Cambiar"),
    ];
    let meter = |done, note: &str| Meter {
        label: "Plazo de la municipalidad".to_owned(),
        note: note.to_owned(),
        done,
        total: 15,
        paused: false,
    };
    let bar = |label: &str, value, tone| Bar {
        label: label.to_owned(),
        value,
        words: format!("{value} días"),
        tone,
    };
    let events = [
        Event::new(&visit, Tone::Good, "Presentó su solicitud", visit.now),
        Event::new(
            &visit,
            Tone::Info,
            "La municipalidad la está evaluando",
            visit.now,
        ),
        Event {
            tone: Tone::Todo,
            title: "Resolución".into(),
            when: String::new(),
            body: html! {},
        },
    ];
    let cells = |a: &str, b: &str, c: maud::Markup| vec![html! { (a) }, html! { (b) }, c];
    Ok(page(
        &visit,
        "Licencia de funcionamiento",
        html! {
            p.lead { "Abra su negocio con todo en regla. Lo que el Estado ya sabe, no se lo volvemos a pedir." }
            p { (parts::link_button("/form", "Empezar")) (parts::link_quiet("/x", "Ver requisitos")) }
            (parts::notice(Tone::Good, "Su solicitud fue presentada", html! { p { "Número " b { "2026-00042" } } }))
            (parts::notice(Tone::Warn, "La SUNAT no responde ahora", html! { p { "Pediremos el dato más tarde." } }))
            (parts::notice(Tone::Bad, "Firma no válida", html! { p { "El dato fue rechazado." } }))
            h2 { "Datos" }
            (parts::summary_list(&visit, &rows))
            h2 { "Plazo" }
            (parts::deadline_meter(&visit, &meter(6, "Quedan 9 días hábiles")))
            (parts::deadline_meter(&visit, &meter(13, "Quedan 2 días hábiles")))
            (parts::deadline_meter(&visit, &meter(15, "Venció")))
            (parts::bars("Tiempo por entidad", &[bar("Municipalidad", 12, Tone::Info),
                bar("Sunarp", 5, Tone::Warn), bar("Sunat", 1, Tone::Good)]))
            h2 { "Pasos" }
            (parts::timeline(&events))
            h2 { "Casos" }
            (parts::table("Mis casos", &["Número".into(), "Negocio".into(), "Estado".into()], &[
                cells("2026-00042", "Bodega Pumamarka", parts::tag(Tone::Info, "En evaluación")),
                cells("2026-00041", "Hostal Wiñay", parts::tag(Tone::Good, "Otorgada")),
                cells("2026-00040", "Taller Inti", parts::tag(Tone::Bad, "Denegada")),
                cells("2026-00039", "Café Chaska", parts::tag(Tone::Warn, "Observada")),
            ]))
            h2 { "Trámites" }
            ul.grid {
                (parts::card("/a", "Licencia de funcionamiento", html! { p { "Para abrir un negocio." } }))
                (parts::card("/b", "Partida de nacimiento", html! { p { "Copia certificada." } }))
                (parts::card("/c", "Verificar un documento", html! { p { "Con código, QR o archivo." } }))
            }
            (parts::details("¿Por qué pedimos esto?", html! { p { "La ley 28976 lo dice." } }))
            (parts::pages(&visit, Some("/p"), Some("/n")))
        },
    ))
}

async fn show_form(visit: Visit) -> Page {
    form(&visit, false)
}

async fn sent(visit: Visit, Form(_): Form<Fields>) -> Page {
    form(&visit, true)
}

fn form(visit: &Visit, wrong: bool) -> Page {
    let error = wrong.then_some("El RUC no es válido: revise si cambió alguna cifra.");
    let errors: Vec<_> = error
        .iter()
        .map(|text| ("ruc".to_owned(), (*text).to_owned()))
        .collect();
    let choices = [
        Choice::new("low", "Riesgo bajo").hint("Bodegas, oficinas, hasta 100 m²"),
        Choice::new("mid", "Riesgo medio"),
    ];
    let body = html! {
        (parts::error_summary(visit, &errors))
        form method="post" action="/form" {
            (web::csrf_field(visit))
            (parts::field("ruc", "Número de RUC").hint("Once cifras, sin espacios").digits().error(error))
            (parts::field("name", "Nombre del negocio").autocomplete("organization"))
            (parts::radios("risk", "Nivel de riesgo", &choices, &Picked::one("low")))
            (parts::date("from", "¿Desde cuándo?"))
            (parts::select("kind", "Giro", &choices, &Picked::one("")))
            (parts::textarea("more", "¿Algo más?"))
            (parts::file("plan", "Plano").accept(".pdf"))
            (parts::checkbox("true", "Declaro que lo dicho es verdad", false, None))
            (parts::button("Continuar")) (parts::button_quiet("Guardar y volver luego"))
        }
    };
    Ok(Sheet::new(visit, "Sobre el negocio")
        .narrow()
        .back("/")
        .show(body))
}

#[tokio::main]
async fn main() {
    let routes = Routes::new()
        .get("/", home)
        .get("/form", show_form)
        .post("/form", sent);
    let room = Room::new("gallery")
        .routes(routes)
        .texts(TEXTS)
        .menu("/", "gallery-home", Audience::Everybody)
        .menu("/form", "gallery-form", Audience::Everybody);
    let rooms = [room];
    let settings = web::testing::settings(&rooms, Arc::new(SystemClock), OuterSettings::nobody());
    let router = web::outer(rooms[0].routes.router(), settings);
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:8099")
        .await
        .expect("port 8099 is free");
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    web::listen::listen(tcp, None, router, stopped).await;
}
