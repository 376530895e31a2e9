//! `tambo openapi`: every address of a body, described for machines (OpenAPI 3.1).

use serde_json::{Map, Value, json};

use super::{Config, Outcome};
use crate::serve;

/// Options of `openapi`.
#[derive(clap::Args)]
pub struct OpenapiOptions {
    #[command(flatten)]
    config: Config,
}

/// Runs the command.
pub async fn run(options: OpenapiOptions) -> Outcome {
    let settings = options.config.read()?;
    let origin = settings.pages.origin.clone();
    let name = settings.body.name.clone();
    let house = serve::open(settings, std::sync::Arc::new(kernel::SystemClock)).await?;
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": name, "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": origin }],
        "paths": paths(&house.rooms),
    });
    println!("{}", serde_json::to_string_pretty(&document)?);
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
