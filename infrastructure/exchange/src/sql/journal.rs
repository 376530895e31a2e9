//! The journal's statements: questions, the turns with their messages, time stamps. It decides nothing.
//!
//! Whatever belongs to one turn goes in by bulk statements, whose rows `journal` puts together.

use std::collections::HashMap;

use kernel::{Id, Moment};
use store::{Bulk, Kind, Row, StoreError, Tx, Value, params};

use Kind::{Bytes, Int, Text};

/// Which part this node had in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It asked.
    Client,
    /// It answered.
    Provider,
}

impl Side {
    /// The text in the tables.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Provider => "provider",
        }
    }

    fn of(text: &str) -> Self {
        if text == "client" {
            Self::Client
        } else {
            Self::Provider
        }
    }
}

/// Request or response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// What was asked.
    Request,
    /// What was answered.
    Response,
}

impl Half {
    /// The text in the tables and in file names.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// A question as the journal holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionRow {
    /// The journal's own identifier.
    pub id: Id,
    /// Our part in it.
    pub side: Side,
    /// The message number (`X-Road-Id`).
    pub number: String,
    /// Who asked.
    pub client: String,
    /// What was asked.
    pub service: String,
    /// For which purpose.
    pub purpose: Option<String>,
    /// For which case.
    pub case: Option<String>,
    /// Under which agreement.
    pub agreement: Option<String>,
    /// Pseudonym of the person or firm asked about.
    pub subject: Option<String>,
    /// Fields asked for, joined by commas.
    pub fields: Option<String>,
    /// The trace that led here.
    pub trace: Option<String>,
    /// When it was asked.
    pub asked_at: Moment,
    /// `asked`, `answered`, `refused`, `bad-signature`, `unreachable`, `timeout`.
    pub outcome: String,
    /// The error code, if there is one.
    pub code: Option<String>,
    /// When it ended.
    pub answered_at: Option<Moment>,
    /// Entry in the transparency log; none before the question has ended.
    pub log_entry: Option<String>,
    /// Where the request lies.
    pub request: Place,
    /// Where the response lies, if one came.
    pub response: Option<Place>,
}

/// Where a message lies: the turn, and the place of its record within the turn's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The turn.
    pub turn: i64,
    /// First byte of the record.
    pub at: i64,
}

const QUESTION_BY_NUMBER: &str = "SELECT id, side, number, client, service, purpose, case_number, agreement, subject, \
     fields, trace, asked_at, outcome, code, answered_at, log_entry, \
     request_turn, request_place, response_turn, response_place \
     FROM exchange_question WHERE number = $1 ORDER BY id LIMIT 4";
const QUESTIONS_ABOUT: &str = "SELECT id, side, number, client, service, purpose, case_number, agreement, subject, \
     fields, trace, asked_at, outcome, code, answered_at, log_entry, \
     request_turn, request_place, response_turn, response_place \
     FROM exchange_question WHERE subject = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
const QUESTIONS_LATEST: &str = "SELECT id, side, number, client, service, purpose, case_number, agreement, subject, \
     fields, trace, asked_at, outcome, code, answered_at, log_entry, \
     request_turn, request_place, response_turn, response_place \
     FROM exchange_question WHERE id < $1 ORDER BY id DESC LIMIT $2";
const QUESTIONS_UNENDED: &str = "SELECT id, side, number, client, service, purpose, case_number, agreement, subject, \
     fields, trace, asked_at, outcome, code, answered_at, log_entry, \
     request_turn, request_place, response_turn, response_place \
     FROM exchange_question WHERE outcome = 'asked' AND asked_at < $1 ORDER BY asked_at LIMIT $2";
const QUESTIONS_PENDING: &str = "SELECT COUNT(*) FROM exchange_question WHERE outcome = 'asked'";

fn place(turn: Option<i64>, at: Option<i64>) -> Option<Place> {
    let (turn, at) = (turn?, at?);
    Some(Place { turn, at })
}

pub(super) fn question(row: &Row) -> Result<QuestionRow, StoreError> {
    Ok(QuestionRow {
        id: row.id(0)?,
        side: Side::of(&row.text(1)?),
        number: row.text(2)?,
        client: row.text(3)?,
        service: row.text(4)?,
        purpose: row.opt_text(5)?,
        case: row.opt_text(6)?,
        agreement: row.opt_text(7)?,
        subject: row.opt_text(8)?,
        fields: row.opt_text(9)?,
        trace: row.opt_text(10)?,
        asked_at: row.moment(11)?,
        outcome: row.text(12)?,
        code: row.opt_text(13)?,
        answered_at: row.opt_moment(14)?,
        log_entry: row.opt_text(15)?,
        request: Place {
            turn: row.int(16)?,
            at: row.int(17)?,
        },
        response: place(row.opt_int(18)?, row.opt_int(19)?),
    })
}

/// The questions with this number: one, or two if both sides are this node.
pub async fn questions_by_number(
    tx: &mut Tx,
    number: &str,
) -> Result<Vec<QuestionRow>, StoreError> {
    tx.all(QUESTION_BY_NUMBER, &params![number])
        .await?
        .iter()
        .map(question)
        .collect()
}

/// Larger than every identifier: where paging from the newest begins.
pub const BEYOND: &str = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ";

/// Questions about a pseudonym before `before`, newest first.
pub async fn questions_about(
    tx: &mut Tx,
    subject: &str,
    before: &str,
    limit: usize,
) -> Result<Vec<QuestionRow>, StoreError> {
    tx.all(QUESTIONS_ABOUT, &params![subject, before, limit])
        .await?
        .iter()
        .map(question)
        .collect()
}

/// All questions before `before`, newest first.
pub async fn questions(
    tx: &mut Tx,
    before: &str,
    limit: usize,
) -> Result<Vec<QuestionRow>, StoreError> {
    tx.all(QUESTIONS_LATEST, &params![before, limit])
        .await?
        .iter()
        .map(question)
        .collect()
}

/// Questions asked before a moment that have no end.
pub async fn unended(
    tx: &mut Tx,
    before: Moment,
    limit: usize,
) -> Result<Vec<QuestionRow>, StoreError> {
    tx.all(QUESTIONS_UNENDED, &params![before, limit])
        .await?
        .iter()
        .map(question)
        .collect()
}

/// How many questions wait for their end.
pub async fn pending(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.one(QUESTIONS_PENDING, &[]).await?.int(0)
}

/// New questions: identifier, side, number, client, service, purpose, case, agreement, subject, fields, trace, moment,
/// place; outcome, code, moment, log entry and place of the end, for those that ended meanwhile. The turn of what has a
/// place is the last one. It returns the identifiers of those whose number was not used before.
pub static QUESTIONS_OPEN: Bulk = Bulk {
    one: "INSERT INTO exchange_question (id, side, number, client, service, purpose, case_number, agreement, subject, \
          fields, trace, asked_at, request_place, outcome, code, answered_at, log_entry, response_place, \
          request_turn, response_turn) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
          ?16, ?17, ?18, (SELECT MAX(seq) FROM exchange_turn), \
          CASE WHEN ?18 IS NULL THEN NULL ELSE (SELECT MAX(seq) FROM exchange_turn) END) \
          ON CONFLICT (number, client, side) DO NOTHING",
    head: "INSERT INTO exchange_question (id, side, number, client, service, purpose, case_number, agreement, subject, \
           fields, trace, asked_at, request_place, outcome, code, answered_at, log_entry, response_place, \
           request_turn, response_turn) SELECT column1, column2, column3, column4, column5, column6, column7, \
           column8, column9, column10, column11, column12, column13, column14, column15, column16, column17, \
           column18, (SELECT MAX(seq) FROM exchange_turn), \
           CASE WHEN column18 IS NULL THEN NULL ELSE (SELECT MAX(seq) FROM exchange_turn) END FROM (VALUES ",
    columns: &[
        Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Int, Int, Text, Text,
        Int, Text, Int,
    ],
    tail: ") AS v WHERE column1 IS NOT NULL ON CONFLICT (number, client, side) DO NOTHING RETURNING id",
    tells: true,
};
/// Ends of questions: identifier, outcome, code, moment, log entry, place; the turn is the last one, if there is a place.
pub static QUESTIONS_END: Bulk = Bulk {
    one: "UPDATE exchange_question SET outcome = ?2, code = ?3, answered_at = ?4, log_entry = ?5, \
          response_place = ?6, response_turn = CASE WHEN ?6 IS NULL THEN NULL \
          ELSE (SELECT MAX(seq) FROM exchange_turn) END WHERE id = ?1",
    head: "UPDATE exchange_question SET outcome = v.column2, code = v.column3, answered_at = v.column4, \
           log_entry = v.column5, response_place = v.column6, response_turn = CASE WHEN v.column6 IS NULL THEN NULL \
           ELSE (SELECT MAX(seq) FROM exchange_turn) END FROM (VALUES ",
    columns: &[Text, Text, Text, Int, Text, Int],
    tail: ") AS v WHERE exchange_question.id = v.column1",
    tells: false,
};
/// The next turn: moment, count of messages, digests of their signatures, records. It gets its number here, so that a
/// second process on the same store can't mix its turns into ours.
pub static TURNS: Bulk = Bulk {
    one: "INSERT INTO exchange_turn (seq, at, messages, digests, records) \
          VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM exchange_turn), ?1, ?2, ?3, ?4)",
    head: "INSERT INTO exchange_turn (seq, at, messages, digests, records) \
           SELECT (SELECT COALESCE(MAX(seq), 0) + 1 FROM exchange_turn), column1, column2, column3, column4 \
           FROM (VALUES ",
    columns: &[Int, Int, Bytes, Bytes],
    tail: ") AS v WHERE column1 IS NOT NULL",
    tells: false,
};
/// Parts that messages share: digest, bytes.
pub static PARTS: Bulk = Bulk {
    one: "INSERT INTO exchange_part (digest, bytes) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING",
    head: "INSERT INTO exchange_part (digest, bytes) SELECT * FROM (VALUES ",
    columns: &[Bytes, Bytes],
    tail: ") AS v WHERE column1 IS NOT NULL ON CONFLICT (digest) DO NOTHING",
    tells: false,
};
/// Questions counted under agreements: agreement, day, how many more.
pub static DAYS: Bulk = Bulk {
    one: "INSERT INTO exchange_agreement_day (agreement, day, asked) VALUES (?1, ?2, ?3) \
          ON CONFLICT (agreement, day) DO UPDATE SET asked = exchange_agreement_day.asked + excluded.asked",
    head: "INSERT INTO exchange_agreement_day (agreement, day, asked) SELECT * FROM (VALUES ",
    columns: &[Text, Int, Int],
    tail: ") AS v WHERE column1 IS NOT NULL ON CONFLICT (agreement, day) \
           DO UPDATE SET asked = exchange_agreement_day.asked + excluded.asked",
    tells: false,
};

const QUESTION_END: &str = "UPDATE exchange_question SET outcome = $2, answered_at = $3, log_entry = $4 \
     WHERE id = $1 AND outcome = 'asked'";
const TURN_RECORDS: &str = "SELECT records, at FROM exchange_turn WHERE seq = $1";
const PART: &str = "SELECT bytes FROM exchange_part WHERE digest = $1";
const BODY: &str = "SELECT bytes FROM exchange_body WHERE question = $1 AND half = $2 AND piece >= $3 \
     ORDER BY piece LIMIT 8";
const TURNS_AFTER: &str =
    "SELECT seq, digests FROM exchange_turn WHERE seq >= $1 AND seq <= $2 ORDER BY seq LIMIT $3";
const TURNS_BACKLOG: &str = "SELECT MIN(at), CAST(COALESCE(SUM(messages), 0) AS BIGINT) FROM exchange_turn \
     WHERE seq > $1";
const STAMP_LAST: &str = "SELECT last_turn FROM exchange_stamp ORDER BY last_turn DESC LIMIT 1";
const STAMP_INSERT: &str = "INSERT INTO exchange_stamp (last_turn, first_turn, at, chain_result, token) \
     VALUES ($1, $2, $3, $4, $5)";
const STAMP_OF: &str = "SELECT first_turn, last_turn, chain_result, token FROM exchange_stamp \
     WHERE last_turn >= $1 ORDER BY last_turn LIMIT 1";

const QUESTION_NEWEST: &str = "SELECT MAX(id) FROM exchange_question";

/// The newest question's identifier, which tells when it was made.
pub async fn newest_question(tx: &mut Tx) -> Result<Option<Id>, StoreError> {
    let row = tx.one(QUESTION_NEWEST, &[]).await?;
    Ok(row.opt_text(0)?.and_then(|id| id.parse().ok()))
}

/// Enters how a question ended that this process did not see ending.
pub async fn break_off(tx: &mut Tx, id: Id, at: Moment, log_entry: &str) -> Result<(), StoreError> {
    let values = params![id, "broken-off", at, log_entry];
    tx.execute(QUESTION_END, &values).await.map(drop)
}

/// A turn's records, and when it was.
pub async fn turn_records(tx: &mut Tx, turn: i64) -> Result<(Vec<u8>, Moment), StoreError> {
    let row = tx.one(TURN_RECORDS, &params![turn]).await?;
    Ok((row.bytes(0)?, row.moment(1)?))
}

/// Adds a part to those at hand; `false` if the store has none of this digest.
pub async fn fetch_part(
    tx: &mut Tx,
    digest: Vec<u8>,
    parts: &mut HashMap<Vec<u8>, Vec<u8>>,
) -> Result<bool, StoreError> {
    let Some(row) = tx.maybe(PART, &params![&digest]).await? else {
        return Ok(false);
    };
    parts.insert(digest, row.bytes(0)?);
    Ok(true)
}

/// A large body, put together from its pieces.
pub async fn body(tx: &mut Tx, question: Id, half: Half) -> Result<Vec<u8>, StoreError> {
    let mut whole = Vec::new();
    for first in (0_i64..).step_by(8) {
        let rows = tx.all(BODY, &params![question, half.text(), first]).await?;
        for row in &rows {
            whole.extend_from_slice(&row.bytes(0)?);
        }
        if rows.len() < 8 {
            break;
        }
    }
    Ok(whole)
}

const PIECE_INSERT: &str =
    "INSERT INTO exchange_body (question, half, piece, bytes) VALUES ($1, $2, $3, $4)";
const PIECES_DROP: &str = "DELETE FROM exchange_body WHERE question = $1";

/// Keeps one piece of a large body.
pub async fn insert_piece(
    tx: &mut Tx,
    question: Id,
    half: Half,
    piece: i64,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let values = params![question, half.text(), piece, bytes];
    tx.execute(PIECE_INSERT, &values).await.map(drop)
}

/// Removes the pieces of a question's bodies.
pub async fn drop_pieces(tx: &mut Tx, question: Id) -> Result<(), StoreError> {
    tx.execute(PIECES_DROP, &params![question]).await.map(drop)
}

/// One turn as time stamps see it.
#[derive(Clone, Debug)]
pub struct TurnDigests {
    /// Its number.
    pub turn: i64,
    /// SHA-256 of each signature, 32 bytes after 32 bytes.
    pub digests: Vec<u8>,
}

/// Turns from `first` to `last`, at most `limit`, in order.
pub async fn turns(
    tx: &mut Tx,
    (first, last): (i64, i64),
    limit: usize,
) -> Result<Vec<TurnDigests>, StoreError> {
    let rows = tx.all(TURNS_AFTER, &params![first, last, limit]).await?;
    let turn = |row: &Row| {
        Ok(TurnDigests {
            turn: row.int(0)?,
            digests: row.bytes(1)?,
        })
    };
    rows.iter().map(turn).collect()
}

/// When the oldest message without time stamp was journalled, and how many there are.
pub async fn stamp_backlog(tx: &mut Tx) -> Result<(Option<Moment>, i64), StoreError> {
    let stamped = last_stamped(tx).await?;
    let row = tx.one(TURNS_BACKLOG, &params![stamped]).await?;
    Ok((row.opt_moment(0)?, row.int(1)?))
}

/// The last turn that has a time stamp; 0 if none has.
pub async fn last_stamped(tx: &mut Tx) -> Result<i64, StoreError> {
    let row = tx.maybe(STAMP_LAST, &[]).await?;
    row.map_or(Ok(0), |row| row.int(0))
}

/// A time stamp over the signatures of some turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StampRow {
    /// First and last turn.
    pub turns: (i64, i64),
    /// The hash chain result that was stamped.
    pub chain_result: Vec<u8>,
    /// The token.
    pub token: Vec<u8>,
}

/// Enters a time stamp.
pub async fn insert_stamp(tx: &mut Tx, at: Moment, stamp: &StampRow) -> Result<(), StoreError> {
    let (first, last) = stamp.turns;
    let values = params![last, first, at, &stamp.chain_result, &stamp.token];
    tx.execute(STAMP_INSERT, &values).await.map(drop)
}

/// The time stamp over a turn.
pub async fn stamp_of(tx: &mut Tx, turn: i64) -> Result<Option<StampRow>, StoreError> {
    let Some(row) = tx.maybe(STAMP_OF, &params![turn]).await? else {
        return Ok(None);
    };
    let stamp = StampRow {
        turns: (row.int(0)?, row.int(1)?),
        chain_result: row.bytes(2)?,
        token: row.bytes(3)?,
    };
    Ok((stamp.turns.0 <= turn).then_some(stamp))
}

/// The values of a row of [`QUESTIONS_OPEN`].
pub fn open_values(row: QuestionRow) -> [Value; 18] {
    params![
        row.id,
        row.side.text(),
        row.number,
        row.client,
        row.service,
        row.purpose,
        row.case,
        row.agreement,
        row.subject,
        row.fields,
        row.trace,
        row.asked_at,
        row.request.at,
        row.outcome,
        row.code,
        row.answered_at,
        row.log_entry,
        row.response.map(|place| place.at),
    ]
}
