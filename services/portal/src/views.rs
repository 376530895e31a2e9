//! The values that each page shows. Read by `pages/`, made by the stories and by tests.
//!
//! It promises that everything is in the reader's language already, except times, which the page writes.

use kernel::Moment;
use web::parts::Tone;

use crate::domain::{ClockView, FactView, Question};

/// A procedure in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcedureCard {
    /// Its code, part of its address.
    pub code: String,
    /// A verb and its object.
    pub title: String,
    /// What it is for, in one sentence.
    pub purpose: String,
    /// Business days in which it is decided: for the safest and the most dangerous activity.
    pub days: (u32, u32),
    /// The lowest and the highest fee in words; `None` when it is free.
    pub cost: Option<(String, String)>,
}

/// What the law says when nobody decides in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilenceView {
    /// It is granted by itself.
    Positive,
    /// The applicant may treat it as denied and appeal.
    Negative,
}

/// Everything about a procedure before one begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcedureView {
    /// The card.
    pub card: ProcedureCard,
    /// What the applicant holds in the end.
    pub result: String,
    /// What registries answer: the registry and what it states.
    pub known: Vec<(String, Vec<String>)>,
    /// What the applicant is asked.
    pub asked: Vec<String>,
    /// What must be uploaded or sworn.
    pub needs: Vec<String>,
    /// What happens, in order.
    pub steps: Vec<String>,
    /// What the applicant may rely on.
    pub rights: Vec<String>,
    /// Legal basis: the norm with its articles, and what it says.
    pub law: Vec<(String, String)>,
    /// Silence.
    pub silence: SilenceView,
    /// Name of the body that decides.
    pub decided_by: String,
    /// The draft to continue, if this person has one.
    pub draft: Option<String>,
}

/// One page of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepView {
    /// The procedure's title.
    pub procedure: String,
    /// Address of this page.
    pub address: String,
    /// Number of this step from one, and how many there are.
    pub place: (usize, usize),
    /// The step's title.
    pub title: String,
    /// Help above the questions; may be empty.
    pub intro: String,
    /// What the registries state.
    pub facts: Vec<FactView>,
    /// What is asked.
    pub questions: Vec<Question>,
    /// Whether the answers shown were typed when the session had ended.
    pub kept: bool,
    /// The page before.
    pub back: String,
    /// The mark of whose form it is; see `kept`.
    pub whose: String,
    /// Where to go after this step, if not to the next one.
    pub then: String,
}

impl StepView {
    /// Whether some fact is still on its way.
    pub fn waits(&self) -> bool {
        self.facts
            .iter()
            .any(|fact| fact.state == crate::domain::FactState::Waiting)
    }
}

/// One group of the check-answers page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSection {
    /// The step's title.
    pub title: String,
    /// Where to change it.
    pub change: String,
    /// Facts.
    pub facts: Vec<FactView>,
    /// Questions with their answers in words, errors included.
    pub answers: Vec<(Question, String)>,
}

/// The check-answers page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckView {
    /// The procedure's title.
    pub procedure: String,
    /// Where the form is filed to.
    pub address: String,
    /// The token that makes a second submission the same filing.
    pub token: String,
    /// Groups.
    pub sections: Vec<CheckSection>,
    /// Name of the person who files.
    pub applicant: String,
}

/// A file that can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileView {
    /// What it is.
    pub name: String,
    /// Its address.
    pub address: String,
    /// When it was made or received.
    pub at: Moment,
    /// Kind and size in words: `PDF, 84 kB`.
    pub kind: String,
    /// Its verification code and the address that verifies it, when anybody may.
    pub code: Option<(String, String)>,
}

/// The receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptView {
    /// The case's address.
    pub case: String,
    /// The number by which people speak of it.
    pub number: String,
    /// The procedure's title.
    pub procedure: String,
    /// Who filed.
    pub applicant: String,
    /// When it was presented.
    pub presented: Moment,
    /// The business day it counts for.
    pub counted_on: Moment,
    /// The law's clock.
    pub clock: ClockView,
    /// What silence means.
    pub silence: SilenceView,
    /// The verification code.
    pub code: String,
    /// The public address that verifies it: what the QR holds.
    pub verify: String,
    /// The signed file, once it is there.
    pub pdf: Option<String>,
    /// How many facts the house still waits for.
    pub waiting: usize,
}

/// A receipt as anybody verifies it: no names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedReceipt {
    /// The case's number.
    pub number: String,
    /// The procedure's title.
    pub procedure: String,
    /// When it was presented.
    pub presented: Moment,
    /// The last moment to decide, while the clock runs.
    pub due: Option<Moment>,
    /// Where the case stands.
    pub stage: Stage,
    /// The code.
    pub code: String,
}

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Not filed yet.
    Draft,
    /// Filed, not received by the desk yet.
    Filed,
    /// Received by the desk.
    Received,
    /// An official works on it.
    Review,
    /// The applicant was asked for something.
    Observed,
    /// Granted by decision.
    Granted,
    /// Granted by the silence of the body.
    Silence,
    /// Denied.
    Denied,
    /// Ended without a decision: withdrawn, or not cured in time.
    Closed,
}

impl Stage {
    /// The text key of its name.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Draft => "portal-stage-draft",
            Self::Filed => "portal-stage-filed",
            Self::Received => "portal-stage-received",
            Self::Review => "portal-stage-review",
            Self::Observed => "portal-stage-observed",
            Self::Granted => "portal-stage-granted",
            Self::Silence => "portal-stage-silence",
            Self::Denied => "portal-stage-denied",
            Self::Closed => "portal-stage-closed",
        }
    }
}

/// A case in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseCard {
    /// Its address.
    pub address: String,
    /// Its number; empty for a draft.
    pub number: String,
    /// The procedure's title.
    pub procedure: String,
    /// Who asks: shown on the desk.
    pub applicant: String,
    /// What about, for example the business name; may be empty.
    pub about: String,
    /// Where it stands.
    pub stage: Stage,
    /// The clock; drafts have none.
    pub clock: Option<ClockView>,
    /// Last change.
    pub changed: Moment,
    /// Questions to registries without an answer that can be relied on.
    pub waiting: usize,
}

/// Something that happened to a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventView {
    /// When.
    pub at: Moment,
    /// How it went.
    pub tone: Tone,
    /// What.
    pub what: String,
    /// Who did it.
    pub who: String,
    /// More in words; may be empty.
    pub detail: String,
}

/// A question that the official put to the applicant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservationView {
    /// What must be mended.
    pub text: String,
    /// Until when.
    pub until: Moment,
    /// What is wrong with the answer given just now.
    pub error: Option<String>,
    /// What was typed just now.
    pub typed: String,
    /// Whether that was typed when the session had ended.
    pub kept: bool,
    /// The mark of whose form it is; see `kept`.
    pub whose: String,
}

/// A case as its applicant sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseView {
    /// The card.
    pub card: CaseCard,
    /// Its address for answers; ends without a slash.
    pub address: String,
    /// What silence means here.
    pub silence: SilenceView,
    /// What happened, oldest first.
    pub events: Vec<EventView>,
    /// What can be downloaded.
    pub files: Vec<FileView>,
    /// What registries stated.
    pub facts: Vec<FactView>,
    /// What the applicant answered: label and words.
    pub answers: Vec<(String, String)>,
    /// What waits for the applicant.
    pub observation: Option<ObservationView>,
}

/// What an official may do with the case now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acts {
    /// Take it in at the reception desk.
    pub receive: bool,
    /// Take it up.
    pub evaluate: bool,
    /// Ask the applicant.
    pub observe: bool,
    /// Ask registries again.
    pub ask: bool,
    /// Grant or deny.
    pub decide: bool,
}

impl Acts {
    /// Whether anything may be done.
    pub const fn any(self) -> bool {
        self.receive || self.evaluate || self.observe || self.ask || self.decide
    }
}

/// An act that came back with a mistake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActTry {
    /// Which: the word of its address.
    pub act: String,
    /// What was typed.
    pub text: String,
    /// What is wrong; empty if it was only kept.
    pub error: String,
}

/// A case as the official sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskView {
    /// Its identifier in addresses.
    pub id: String,
    /// The mark of whose forms these are; see `kept`.
    pub whose: String,
    /// The case's revision that the official reads now.
    pub revision: i64,
    /// What does not hold between facts and applicant, and what to do.
    pub problems: Vec<String>,
    /// The same as the applicant's view.
    pub case: CaseView,
    /// What may be done now.
    pub acts: Acts,
    /// What came back with a mistake.
    pub again: Option<ActTry>,
    /// The resolution as it would be issued: paragraphs.
    pub preview: Vec<String>,
}

/// One question that somebody asked about this person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookView {
    /// When.
    pub at: Moment,
    /// The body that asked.
    pub asked_by: String,
    /// The body that answered.
    pub answered_by: String,
    /// What for.
    pub purpose: String,
    /// The law that allows it, as the agreement of both bodies names it.
    pub legal_ground: Option<String>,
    /// What was looked at.
    pub fields: Vec<String>,
    /// The firm that was asked about, if it was not the reader.
    pub about: Option<String>,
    /// The case's number.
    pub case: Option<String>,
    /// The message number.
    pub evidence: String,
    /// Whether it was answered.
    pub answered: bool,
    /// Entry of the tamper-evident log, when known.
    pub entry: Option<String>,
    /// Whether asker and answerer both wrote it down.
    pub both_sides: bool,
}

/// Everything on 'who looked at my data'.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LooksView {
    /// Latest first.
    pub looks: Vec<LookView>,
    /// Registries whose own lists could not be fetched now.
    pub silent: Vec<String>,
}

/// Which open cases the desk shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// All open ones.
    #[default]
    All,
    /// Those not received yet.
    Filed,
    /// Those received.
    Received,
    /// Those taken up.
    Review,
    /// Those that wait for the applicant.
    Observed,
}

impl Filter {
    /// All, in the order of the page.
    pub const ALL: [Self; 5] = [
        Self::All,
        Self::Filed,
        Self::Received,
        Self::Review,
        Self::Observed,
    ];

    /// The word in the address and in the text key.
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Filed => "filed",
            Self::Received => "received",
            Self::Review => "review",
            Self::Observed => "observed",
        }
    }

    /// Reads the word; an unknown one shows all.
    pub fn parse(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|filter| filter.word() == word)
            .unwrap_or_default()
    }
}

/// A page of the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskPage {
    /// What is shown.
    pub filter: Filter,
    /// How many there are of each.
    pub counts: Vec<(Filter, i64)>,
    /// How many are past their time limit.
    pub late: i64,
    /// The cases.
    pub cards: Vec<CaseCard>,
    /// The address of the next page.
    pub next: Option<String>,
}
