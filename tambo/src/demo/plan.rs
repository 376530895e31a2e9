//! The five bodies of the demo as settings: who they are, where they listen, where their data lie.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use kernel::{Chance, SystemChance};

use crate::authority::Authority;
use crate::commands::{Outcome, Problem};
use crate::house::Ground;
use crate::settings::{Part, Settings, TEMPLATE};

/// File that marks a folder as a country of the demo.
pub const MARK: &str = "this-is-a-tambo-demo";
/// The municipality's code.
pub const OFFICE: &str = "ollantaytambo";
/// Ports that a country needs: pages and exchange of each body.
const PORTS: u16 = 10;

/// One body of the demo.
pub struct BodyPlan {
    /// Short code.
    pub code: &'static str,
    /// Name.
    pub name: &'static str,
    /// Second line.
    pub place: &'static str,
    /// Member code: the RUC that the body publishes of itself; the municipality's is made up, with a right check digit.
    pub ruc: &'static str,
    /// Subsystem.
    pub subsystem: &'static str,
    /// What it does.
    pub part: Part,
    /// The service it offers, if any.
    pub service: Option<&'static str>,
}

/// The bodies; the authority first.
pub const BODIES: [BodyPlan; 5] = [
    BodyPlan {
        code: "autoridad",
        name: "Autoridad de la Plataforma Nacional",
        place: "Presidencia del Consejo de Ministros",
        ruc: "20168999926",
        subsystem: "PLATAFORMA",
        part: Part::Authority,
        service: None,
    },
    BodyPlan {
        code: "identidad",
        name: "Registro Nacional de Identificación y Estado Civil",
        place: "",
        ruc: "20295613620",
        subsystem: "IDENTIDAD",
        part: Part::Registry,
        service: Some("persona"),
    },
    BodyPlan {
        code: "tributos",
        name: "Superintendencia Nacional de Aduanas y de Administración Tributaria",
        place: "",
        ruc: "20131312955",
        subsystem: "TRIBUTOS",
        part: Part::Registry,
        service: Some("contribuyente"),
    },
    BodyPlan {
        code: "poderes",
        name: "Superintendencia Nacional de los Registros Públicos",
        place: "",
        ruc: "20267073580",
        subsystem: "PERSONAS-JURIDICAS",
        part: Part::Registry,
        service: Some("vigencia-de-poder"),
    },
    BodyPlan {
        code: OFFICE,
        name: "Municipalidad Distrital de Ollantaytambo",
        place: "Ollantaytambo, Urubamba, Cusco",
        ruc: "20999999001",
        subsystem: "TRAMITES",
        part: Part::Office,
        service: None,
    },
];

/// The first of ten free ports, from the one wished or from 8080 on.
///
/// # Errors
/// The wished ones are taken, or there are none.
pub fn ports(wished: Option<u16>) -> Result<u16, Problem> {
    let free = |first: u16| {
        (first..first + PORTS)
            .all(|port| TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).is_ok())
    };
    match wished {
        Some(first) if free(first) => Ok(first),
        Some(first) => Err(Problem(format!(
            "one of the ports {first} to {} is in use",
            first + PORTS - 1
        ))),
        None => (0..200_u16)
            .map(|step| 8080 + step * PORTS)
            .find(|first| free(*first))
            .ok_or_else(|| Problem("no ten free ports from 8080 on; give --port".to_owned())),
    }
}

/// Settings of the five bodies; their folders and passphrases are made if they are not there.
///
/// # Errors
/// A folder can't be written.
pub fn country(data: &Path, first: u16, postgres: Option<&str>) -> Result<Vec<Settings>, Problem> {
    std::fs::create_dir_all(data)?;
    std::fs::write(
        data.join(MARK),
        "Data of `tambo demo`. --fresh removes this folder.\n",
    )?;
    BODIES
        .iter()
        .enumerate()
        .map(|(at, plan)| body(data, first, at, plan, postgres))
        .collect()
}

fn body(
    data: &Path,
    first: u16,
    at: usize,
    plan: &BodyPlan,
    postgres: Option<&str>,
) -> Result<Settings, Problem> {
    let folder = data.join(plan.code);
    std::fs::create_dir_all(&folder)?;
    let place = u16::try_from(at).unwrap_or(0);
    // The municipality is the last one, but its pages are on the first port: that is what people type.
    let pages = first + (place + 1) % 5;
    let mut settings = Settings::parse(TEMPLATE, std::iter::empty())?;
    settings.folder.clone_from(&folder);
    settings.body.code = plan.code.to_owned();
    settings.body.name = plan.name.to_owned();
    settings.body.place = plan.place.to_owned();
    settings.body.simulated = true;
    settings.body.roles = vec![plan.part];
    settings.pages.listen = SocketAddr::from(([127, 0, 0, 1], pages));
    settings.pages.origin = format!("http://localhost:{pages}");
    settings.exchange.member = plan.ruc.to_owned();
    settings.exchange.subsystem = plan.subsystem.to_owned();
    settings.exchange.listen = SocketAddr::from(([127, 0, 0, 1], first + 5 + place));
    settings.exchange.address = settings.exchange.listen.to_string();
    settings.exchange.authority = format!("http://127.0.0.1:{}", first + 1);
    // The demo's clock is put forward by its visitors and falls back at the next start.
    settings.exchange.guard.clock_behind_seconds = 0;
    // Whoever tries the demo on a small disk loses nothing that matters; a body keeps its hundred megabytes.
    settings.exchange.guard.disk_stop_bytes = 0;
    settings.office.cut_off_source = "DS 075-2023-PCM; Res. 0518-2024/SEL-INDECOPI".to_owned();
    if plan.part != Part::Office {
        settings.office.procedures.clear();
    }
    for registry in &BODIES {
        if let Some(service) = registry.service {
            let id = kernel::MemberId::new(
                &settings.exchange.instance,
                &settings.exchange.class,
                registry.ruc,
            );
            let id = id.subsystem(registry.subsystem).service(service);
            settings.office.facts.insert(service.to_owned(), id);
            settings
                .office
                .names
                .insert(service.to_owned(), registry.name.to_owned());
        }
    }
    if let Some(url) = postgres {
        settings.store.url = schema_url(url, plan.code);
    }
    passphrase(&folder)?;
    write_settings(&settings)?;
    Ok(settings)
}

/// The settings beside the data, so that `check`, `backup` and `serve` work on a body of the demo too.
fn write_settings(settings: &Settings) -> Outcome {
    let text = toml::to_string(settings)?;
    let head = "# A body of the demo, written anew at each start. `tambo init` writes the commented form.\n";
    Ok(std::fs::write(
        settings.folder.join("settings.toml"),
        format!("{head}{text}"),
    )?)
}

fn passphrase(folder: &Path) -> Outcome {
    let path = folder.join("passphrase");
    if !path.exists() {
        std::fs::write(&path, SystemChance::default().token())?;
        crate::commands::private(&path)?;
    }
    Ok(())
}

/// The ground with the authority's keys in its settings.
pub fn anchored(ground: Ground, authority: &Authority) -> Ground {
    let mut settings = (*ground.settings).clone();
    settings.exchange.witness_key = authority.witness.verifier().to_string();
    let anchor = settings.path(Path::new(&settings.exchange.anchor));
    let kept = std::fs::write(anchor, authority.anchor());
    if let Err(problem) = kept.map_err(Problem::from).and(write_settings(&settings)) {
        tracing::warn!(problem = problem.0, "the settings could not be written");
    }
    Ground {
        settings: Arc::new(settings),
        ..ground
    }
}

fn schema_of(code: &str) -> String {
    format!("demo_{}", code.replace('-', "_"))
}

fn schema_url(url: &str, code: &str) -> String {
    let mark = if url.contains('?') { '&' } else { '?' };
    format!("{url}{mark}options=-c%20search_path%3D{}", schema_of(code))
}

/// Makes the schema of one body; `fresh` empties it first.
///
/// # Errors
/// The server refuses.
pub async fn schema(url: &str, code: &str, fresh: bool) -> Outcome {
    Ok(store::make_schema(url, &schema_of(code), fresh).await?)
}

#[cfg(test)]
mod tests {
    use super::BODIES;

    #[test]
    fn the_bodies_numbers_are_ones_that_init_would_take() {
        for body in &BODIES {
            let parsed = crate::country::body_number().parse(body.ruc);
            assert_eq!(parsed.as_deref(), Ok(body.ruc), "{}", body.code);
        }
    }
}
