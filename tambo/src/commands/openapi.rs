//! `tambo openapi`: every address of a body (OpenAPI 3.1), or one of its services that states facts (OpenAPI 3.0).

use serde_json::{Map, Value, json};

use super::{Config, Outcome, Problem};
use crate::house::{House, Manner};
use crate::serve;

/// Options of `openapi`.
#[derive(clap::Args)]
pub struct OpenapiOptions {
    #[command(flatten)]
    config: Config,
    /// Describe this service that states facts, by its code, instead of the body's pages.
    #[arg(long, value_name = "CODE")]
    service: Option<String>,
}

/// Runs the command.
pub async fn run(options: OpenapiOptions) -> Outcome {
    let settings = options.config.read()?;
    let origin = settings.pages.origin.clone();
    let name = settings.body.name.clone();
    let house = serve::open_for(settings, Manner::Read).await?;
    if let Some(code) = &options.service {
        return service(&house, code).await;
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": name, "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": origin }],
        "paths": paths(&house.rooms),
    });
    println!("{}", serde_json::to_string_pretty(&document)?);
    Ok(())
}

async fn service(house: &House, code: &str) -> Outcome {
    let services = house.exchange.fact_services().await?;
    let Some(service) = services.iter().find(|service| service.code == code) else {
        let known: Vec<&str> = services.iter().map(|one| one.code.as_str()).collect();
        return Err(Problem(format!(
            "no service {code:?} states facts here; there are: {}",
            known.join(", ")
        )));
    };
    let locale = house.ground.settings.body.locale;
    let made = house.exchange.openapi(service, locale).await?;
    println!("{}", serde_json::to_string_pretty(&made)?);
    Ok(())
}

fn paths(rooms: &[web::Room]) -> Value {
    let mut all: Map<String, Value> = Map::new();
    for room in rooms {
        for address in room.routes.table() {
            let path = address.path.replace("{*", "{");
            let parameters: Vec<Value> = path
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split('}').next())
                .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
                .collect();
            let operation = json!({
                "tags": [room.name],
                "operationId": format!("{} {}", address.method, address.path),
                "parameters": parameters,
                "x-audience": format!("{:?}", address.audience),
                "responses": { "default": { "description": "A page, or a problem with a reference number." } },
            });
            let item = all.entry(path).or_insert_with(|| json!({}));
            item[address.method.to_lowercase()] = operation;
        }
    }
    Value::Object(all)
}
