//! What a body tells about its services: X-Road's metadata forms (PR-MREST) and OpenAPI descriptions.
//!
//! Read by `metadata` and `systems`. Pure: values in, JSON or XML out. It refuses descriptions that are not OpenAPI 3 in
//! JSON, and never tells the host behind a service.

use kernel::{MemberId, ServiceId};
use serde::Serialize;
use serde_json::Value;

use super::codes::escape;
use super::message::METHODS;
use super::rights::Endpoint;

/// Longest OpenAPI description; the largest published ones are about 5 MB.
pub const DESCRIPTION_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A service as `listMethods` and `allowedMethods` tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceNote {
    object_type: &'static str,
    service_type: &'static str,
    xroad_instance: String,
    member_class: String,
    member_code: String,
    subsystem_code: String,
    service_code: String,
    endpoint_list: Vec<Endpoint>,
}

impl ServiceNote {
    /// A service with its endpoints; `described` if it has an OpenAPI description.
    pub fn new(service: &ServiceId, described: bool, endpoints: Vec<Endpoint>) -> Self {
        let member = service.member();
        Self {
            object_type: "SERVICE",
            service_type: if described { "OPENAPI" } else { "REST" },
            xroad_instance: member.instance.clone(),
            member_class: member.class.clone(),
            member_code: member.code.clone(),
            subsystem_code: service.subsystem.code.clone(),
            service_code: service.code.clone(),
            endpoint_list: endpoints,
        }
    }
}

/// The body of `listMethods` and `allowedMethods`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceList {
    /// The services.
    pub service: Vec<ServiceNote>,
}

/// A member or a subsystem of the instance, as `listClients` tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientNote {
    id: ClientKey,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subsystem_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ClientKey {
    object_type: &'static str,
    xroad_instance: String,
    member_class: String,
    member_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subsystem_code: Option<String>,
}

impl ClientNote {
    /// A member, or with `subsystem` one of its subsystems (code, and name if it has one).
    pub fn new(member: &MemberId, name: &str, subsystem: Option<(&str, Option<&str>)>) -> Self {
        Self {
            id: ClientKey {
                object_type: subsystem.map_or("MEMBER", |_| "SUBSYSTEM"),
                xroad_instance: member.instance.clone(),
                member_class: member.class.clone(),
                member_code: member.code.clone(),
                subsystem_code: subsystem.map(|(code, _)| code.to_owned()),
            },
            name: name.to_owned(),
            subsystem_name: subsystem.and_then(|(_, name)| Some(name?.to_owned())),
        }
    }
}

/// The body of `listClients`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientList {
    /// Members and subsystems.
    pub member: Vec<ClientNote>,
}

impl ClientList {
    /// The XML form, in X-Road's namespaces.
    pub fn xml(&self) -> String {
        let mut text = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
             <xroad:clientList xmlns:xroad=\"http://x-road.eu/xsd/xroad.xsd\" \
             xmlns:id=\"http://x-road.eu/xsd/identifiers\">",
        );
        for note in &self.member {
            let key = &note.id;
            text.push_str("<xroad:member><xroad:id id:objectType=\"");
            text.push_str(key.object_type);
            text.push_str("\">");
            let parts = [
                ("id:xRoadInstance", Some(&key.xroad_instance)),
                ("id:memberClass", Some(&key.member_class)),
                ("id:memberCode", Some(&key.member_code)),
                ("id:subsystemCode", key.subsystem_code.as_ref()),
            ];
            parts
                .iter()
                .for_each(|(tag, part)| element(&mut text, tag, *part));
            text.push_str("</xroad:id>");
            element(&mut text, "xroad:name", Some(&note.name));
            element(
                &mut text,
                "xroad:subsystemName",
                note.subsystem_name.as_ref(),
            );
            text.push_str("</xroad:member>");
        }
        text.push_str("</xroad:clientList>");
        text
    }
}

fn element(text: &mut String, tag: &str, content: Option<&String>) {
    if let Some(content) = content {
        text.push_str(&format!("<{tag}>{}</{tag}>", escape(content)));
    }
}

/// Whether an `Accept` header names `application/json`, whatever its quality.
pub fn wants_json(accept: &str) -> bool {
    let essence = |kind: &str| {
        kind.split(';')
            .next()
            .unwrap_or("")
            .trim()
            .to_ascii_lowercase()
    };
    accept
        .split(',')
        .any(|kind| essence(kind) == "application/json")
}

/// Why a description is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDescription {
    /// Over [`DESCRIPTION_BYTES_MAX`].
    #[error("the description is over {DESCRIPTION_BYTES_MAX} bytes")]
    TooLarge,
    /// Not JSON, or not an OpenAPI document of version 3.
    #[error("the description is not OpenAPI 3 in JSON: {0}")]
    Malformed(String),
}

/// Reads an OpenAPI 3 description.
///
/// # Errors
/// [`BadDescription`].
pub fn read(text: &str) -> Result<Value, BadDescription> {
    if text.len() > DESCRIPTION_BYTES_MAX {
        return Err(BadDescription::TooLarge);
    }
    let malformed = |cause: &dyn std::fmt::Display| BadDescription::Malformed(cause.to_string());
    let document: Value = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    match document.get("openapi").and_then(Value::as_str) {
        Some(version) if version.starts_with("3.") => Ok(document),
        _ => Err(malformed(&"no member \"openapi\" with a version 3")),
    }
}

/// The endpoints of a description: every operation, with `*` in the place of a path's parameters.
pub fn endpoints(document: &Value) -> Vec<Endpoint> {
    let paths = document.get("paths").and_then(Value::as_object);
    let mut found = Vec::new();
    for (path, item) in paths.into_iter().flatten() {
        let verbs = item.as_object().into_iter().flat_map(|item| item.keys());
        let verbs = verbs.map(|verb| verb.to_ascii_uppercase());
        found.extend(
            verbs
                .filter(|verb| METHODS.contains(&verb.as_str()))
                .filter_map(|method| {
                    let path = without_parameters(path);
                    Endpoint { method, path }.checked().ok()
                }),
        );
    }
    found.sort();
    found.dedup();
    found
}

/// A path with `*` for each `{parameter}`.
fn without_parameters(path: &str) -> String {
    let mut glob = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match (inside, c) {
            (false, '{') => {
                inside = true;
                glob.push('*');
            }
            (true, '}') => inside = false,
            (false, c) => glob.push(c),
            (true, _) => {}
        }
    }
    glob
}

/// Takes hosts out of a description: each `servers[].url` becomes its path, unless it is a template.
pub fn without_hosts(document: &mut Value) {
    let servers = document.get_mut("servers").and_then(Value::as_array_mut);
    for server in servers.into_iter().flatten() {
        let Some(url) = server.get("url").and_then(Value::as_str) else {
            continue;
        };
        if !(url.contains('{') && url.contains('}')) {
            server["url"] = Value::String(path_of(url).to_owned());
        }
    }
}

/// The path of an absolute or relative address, without query and fragment.
fn path_of(url: &str) -> &str {
    let below = match url.split_once("://") {
        Some((_, rest)) => rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]),
        None => url,
    };
    &below[..below.find(['?', '#']).unwrap_or(below.len())]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service() -> ServiceId {
        "PE/GOB/1/sub/pets".parse().unwrap()
    }

    #[test]
    fn services_are_told_in_x_roads_words() {
        let endpoint = Endpoint {
            method: "GET".into(),
            path: "/pet/*".into(),
        };
        let list = ServiceList {
            service: vec![ServiceNote::new(&service(), true, vec![endpoint])],
        };
        assert_eq!(
            serde_json::to_value(&list).unwrap(),
            json!({"service": [{
                "object_type": "SERVICE", "service_type": "OPENAPI", "xroad_instance": "PE",
                "member_class": "GOB", "member_code": "1", "subsystem_code": "sub", "service_code": "pets",
                "endpoint_list": [{"method": "GET", "path": "/pet/*"}],
            }]})
        );
    }

    #[test]
    fn clients_are_told_in_json_and_xml() {
        let member = MemberId::new("PE", "GOB", "1");
        let list = ClientList {
            member: vec![
                ClientNote::new(&member, "A & B", None),
                ClientNote::new(&member, "A & B", Some(("sub", None))),
            ],
        };
        let json = serde_json::to_value(&list).unwrap();
        assert_eq!(
            json["member"][0],
            json!({"id": {"object_type": "MEMBER", "xroad_instance": "PE", "member_class": "GOB",
                "member_code": "1"}, "name": "A & B"})
        );
        assert_eq!(json["member"][1]["id"]["subsystem_code"], "sub");
        let xml = list.xml();
        let document = roxmltree::Document::parse(&xml).unwrap();
        let root = document.root_element();
        assert_eq!(
            root.tag_name().namespace(),
            Some("http://x-road.eu/xsd/xroad.xsd")
        );
        let ids: Vec<_> = root
            .descendants()
            .filter(|node| node.has_tag_name(("http://x-road.eu/xsd/xroad.xsd", "id")))
            .map(|id| {
                let ns = "http://x-road.eu/xsd/identifiers";
                (
                    id.attribute((ns, "objectType")).unwrap(),
                    id.children().filter(|n| n.is_element()).count(),
                )
            })
            .collect();
        assert_eq!(ids, [("MEMBER", 3), ("SUBSYSTEM", 4)]);
        assert!(xml.contains("<xroad:name>A &amp; B</xroad:name>"));
    }

    #[test]
    fn accept_is_read_as_a_list() {
        assert!(wants_json("text/xml;q=1.0, Application/JSON;q=0.9"));
        assert!(!wants_json("application/jsonp") && !wants_json("*/*") && !wants_json(""));
    }

    #[test]
    fn descriptions_lose_their_hosts() {
        for (url, told) in [
            ("https://10.0.0.7:8443/v1?x#y", "/v1"),
            ("https://inside.example", ""),
            ("/v2", "/v2"),
            ("https://{host}/v3", "https://{host}/v3"),
        ] {
            let mut document = json!({"openapi": "3.0.1", "servers": [{"url": url}, {"note": 1}]});
            without_hosts(&mut document);
            assert_eq!(document["servers"][0]["url"], told);
        }
    }

    #[test]
    fn descriptions_list_their_endpoints() {
        let text = json!({"openapi": "3.1.0", "paths": {
            "/pet": {"post": {}, "parameters": []},
            "/pet/{id}/photo": {"get": {}, "delete": {}, "x-own": {}},
            "pet": {"get": {}},
        }})
        .to_string();
        let found = endpoints(&read(&text).unwrap());
        let found: Vec<_> = found
            .iter()
            .map(|e| format!("{} {}", e.method, e.path))
            .collect();
        assert_eq!(
            found,
            ["DELETE /pet/*/photo", "GET /pet/*/photo", "POST /pet"]
        );
        for bad in [
            "",
            "{}",
            r#"{"openapi":"2.0"}"#,
            r#"{"swagger":"3.0"}"#,
            r#"{"openapi":3}"#,
        ] {
            assert!(
                matches!(read(bad), Err(BadDescription::Malformed(_))),
                "{bad}"
            );
        }
        assert_eq!(
            read(&" ".repeat(DESCRIPTION_BYTES_MAX + 1)),
            Err(BadDescription::TooLarge)
        );
    }
}
