//! Records of operational monitoring as they wait and as they lie in the store: names once, the rest in short rows.
//!
//! Filled by `operations`. A second's records are one JSON text: the names that they share, then a row for each. It
//! promises that each record comes back with X-Road's field names, and that counts for metrics are taken per pair of
//! parties, not per message.

use std::collections::{BTreeMap, HashMap};

use kernel::{Party, ServiceId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Operation;

/// Records of some seconds, as they wait.
#[derive(Debug, Default)]
pub(crate) struct Block {
    seconds: BTreeMap<i64, Vec<Operation>>,
    length: usize,
}

/// A second's records in the store.
#[derive(Serialize, Deserialize)]
struct Kept {
    names: Vec<String>,
    rows: Vec<Row>,
}

/// One record: places of client, service, method and path among the names; moments, those after the first relative to
/// it; the message number, user and issue; sizes and attachments; how it ended.
#[derive(Serialize, Deserialize)]
struct Row(
    bool,
    [usize; 4],
    (i64, Option<i64>, Option<i64>, i64),
    (String, Option<String>, Option<String>),
    [(u64, u64); 2],
    (Option<u16>, Option<(String, String)>),
);

/// Stands for a path that is not told.
const NO_PATH: usize = usize::MAX;

/// How often one pair of parties exchanged something: sides, success.
pub(crate) type Counts<'b> = HashMap<(bool, &'b str, &'b str, bool), u64>;

#[derive(Default)]
struct Names<'b> {
    places: HashMap<&'b str, usize>,
    list: Vec<String>,
}

impl<'b> Names<'b> {
    fn place(&mut self, name: &'b str) -> usize {
        *self.places.entry(name).or_insert_with(|| {
            self.list.push(name.to_owned());
            self.list.len() - 1
        })
    }
}

impl Block {
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn push(&mut self, operation: Operation) {
        let second = operation.response_out.div_euclid(1_000);
        self.seconds.entry(second).or_default().push(operation);
        self.length += 1;
    }

    /// How often each pair of parties exchanged something.
    pub(crate) fn counts(&self) -> Counts<'_> {
        let mut counts = Counts::new();
        for one in self.seconds.values().flatten() {
            let pair = (
                one.is_client,
                one.client.as_str(),
                one.service.as_str(),
                one.fault.is_none(),
            );
            *counts.entry(pair).or_default() += 1;
        }
        counts
    }

    /// What goes into the store: second, text, count.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (i64, String, usize)> {
        self.seconds.iter().map(|(second, operations)| {
            let mut names = Names::default();
            let rows = operations.iter().map(|one| row(one, &mut names)).collect();
            let kept = Kept {
                rows,
                names: names.list,
            };
            let text = serde_json::to_string(&kept).unwrap_or_default();
            (*second, text, operations.len())
        })
    }
}

fn row<'b>(one: &'b Operation, names: &mut Names<'b>) -> Row {
    let after = |moment: i64| moment - one.request_in;
    let places = [
        names.place(&one.client),
        names.place(&one.service),
        names.place(&one.method),
        one.path
            .as_deref()
            .map_or(NO_PATH, |path| names.place(path)),
    ];
    Row(
        one.is_client,
        places,
        (
            one.request_in,
            one.request_out.map(after),
            one.response_in.map(after),
            after(one.response_out),
        ),
        (one.number.clone(), one.user.clone(), one.issue.clone()),
        [one.request, one.response],
        (one.status, one.fault.clone()),
    )
}

/// The records of a second, each as a JSON text in X-Road's form.
pub(super) fn texts(kept: &str) -> Result<Vec<String>, serde_json::Error> {
    let Kept { names, rows } = serde_json::from_str(kept)?;
    Ok(rows
        .into_iter()
        .map(|row| told(row, &names).to_string())
        .collect())
}

fn told(row: Row, names: &[String]) -> Value {
    let Row(is_client, places, times, (number, user, issue), [request, response], (status, fault)) =
        row;
    let name = |at: usize| names.get(places[at]).map_or("", String::as_str);
    let (first, out, back, last) = times;
    let after = |moment: Option<i64>| moment.map(|moment| first + moment);
    let (code, text) = fault.clone().unzip();
    let value = json!({
        "monitoringDataTs": (first + last).div_euclid(1_000),
        "securityServerType": if is_client { "Client" } else { "Producer" },
        "requestInTs": first,
        "requestOutTs": after(out),
        "responseInTs": after(back),
        "responseOutTs": first + last,
        "restMethod": name(2),
        "restPath": names.get(places[3]),
        "messageId": number,
        "messageUserId": user,
        "messageIssue": issue,
        "messageProtocolVersion": "r1",
        "requestSize": request.0,
        "responseSize": response.0,
        "requestAttachmentCount": request.1,
        "responseAttachmentCount": response.1,
        "succeeded": fault.is_none(),
        "statusCode": status,
        "serviceType": "REST",
        "faultCode": code,
        "faultString": text,
        "xRoadVersion": env!("CARGO_PKG_VERSION"),
    });
    let Value::Object(mut record) = value else {
        return value;
    };
    record.retain(|_, value| !value.is_null());
    if let Ok(client) = name(0).parse::<Party>() {
        party(&mut record, "client", &client);
    }
    if let Ok(service) = name(1).parse::<ServiceId>() {
        party(&mut record, "service", &service.subsystem.into());
        record.insert("serviceCode".to_owned(), service.code.into());
    }
    Value::Object(record)
}

fn party(record: &mut Map<String, Value>, side: &str, party: &Party) {
    let member = party.member();
    let subsystem = party.subsystem().map(|id| &id.code);
    for (name, value) in [
        ("XRoadInstance", Some(&member.instance)),
        ("MemberClass", Some(&member.class)),
        ("MemberCode", Some(&member.code)),
        ("SubsystemCode", subsystem),
    ] {
        record.extend(value.map(|value| (format!("{side}{name}"), value.as_str().into())));
    }
}
