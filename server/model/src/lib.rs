//! The words of the field as types, and the messages that travel between Highwater and its clients.
//!
//! Pure: no I/O, no clock, no runtime; it compiles to wasm and is the one package that the console and the server share.
//!
//! # Words
//! | word | type | meaning |
//! |---|---|---|
//! | event | [`RecordedEvent`], [`ProposedEvent`] | a fact that happened; as stored, and as a writer hands it in |
//! | stream | [`StreamName`] | the events of one aggregate, in order, named `category-id` |
//! | version | [`Version`] | an event's place in its stream, from 0 |
//! | position | [`Position`] | an event's place in the whole log, from 1, in commit order, without gaps |
//! | expected version | [`ExpectedVersion`] | what an append says the stream's version is |
//! | state | [`State`] | what the events of a stream up to a version come to |
//! | state definition | [`StateDefinition`] | an expression that says what an event makes of the state of its category's streams |
//! | mark | [`Mark`] | where the high-water mark stands |
//! | flow | [`Flow`], [`FlowSummary`] | the events of one correlation id, across streams and services |
//! | flow map | [`FlowMap`] | which service handles which types and emits which, learned from the events' causes |
//! | read model | [`ReadModel`], [`Definition`] | tables that a projection writes, and the text that says how |
//! | subscription | [`Subscription`] | a named reader of the log with a checkpoint of its own, outside of Highwater |
//! | member | [`Member`] | one of the programs that read for a subscription and share its events by stream |
//! | parked event | [`ParkedEvent`] | an event that a subscription's members could not handle, too often |
//! | lag | [`Lag`] | how far a checkpoint is behind, in positions, matching events and seconds |
//! | failure | [`Failure`] | an event that a projection could not handle |
//! | maintenance | [`Maintenance`] | one order that pauses all read models, until it is ended |
//! | alert | [`Alert`], [`AlertRule`] | something that is wrong by a rule that somebody wrote, and who is told of it |
//! | action | [`Action`] | what an operator did: who, when, what, why, outcome |
//! | user | [`User`] | a person who gets in, and what they are: their [`Role`] |
//! | approval | [`Approval`] | an order that waits for a second person, and what became of it |
//! | right | [`Right`] | one thing that somebody may do; each call needs one |
//! | token | [`ApiToken`] | with which a program gets in, and what it may do |
//! | mask | [`Mask`], [`MaskRule`] | fields of events that somebody may not see, and the rules that say so |
//! | environment | [`Environment`] | what a server looks after, by a name; in *production* orders are confirmed |
//! | saved view | [`SavedView`] | what a page of the console shows, by a name |
//! | filter line | [`filter::Filter`] | which events: one grammar for page, API, WebSocket and command line |
//!
//! # Adding a wire type
//! Put it in the file of its noun, derive `Serialize`, `Deserialize` and, under `feature = "openapi"`, `utoipa::ToSchema`; unknown
//! fields of what a client sends are refused (`deny_unknown_fields`), unknown fields of what the server sends are not, so that an
//! older client goes on working.

pub mod alert;
pub mod alert_condition;
pub mod alert_rule;
pub mod alert_rule_check;
pub mod alert_words;
pub mod append;
pub mod approval;
pub mod audit;
pub mod category;
pub mod cloud_event;
pub mod demo;
pub mod environment;
pub mod event;
pub mod event_type;
pub mod filter;
pub mod find;
pub mod flow;
pub mod flow_map;
pub mod histogram;
pub mod identity;
pub mod job;
pub mod lag_history;
pub mod limits;
pub mod live;
pub mod maintenance;
pub mod mask;
mod object;
pub mod problem;
pub mod read_model;
pub mod read_model_api;
pub mod read_model_definition;
pub mod read_model_diff;
pub mod read_model_orders;
mod read_model_parse;
pub mod read_model_part;
pub mod read_model_plan;
mod read_model_sql;
pub mod saved_view;
mod shorten;
pub mod sight;
pub mod state;
pub mod state_definition;
pub mod store;
pub mod store_check;
pub mod stream;
pub mod stream_state;
pub mod subscription;
pub mod time_range;
mod traceparent;

pub use alert::{
    Alert, AlertEpisode, AlertEvent, AlertFacts, AlertList, AlertPreview, AlertState, AlertTest,
};
pub use alert_condition::{AlertCondition, AlertKind, AlertOf};
pub use alert_rule::{AlertRule, AlertRuleBody, webhook_host};
pub use alert_rule_check::{AlertRuleFault, RULE_NAME_CHARS, check_rule_name};
pub use append::{
    AppendToStream, Appended, ExpectedVersion, ImportLine, ImportProgress, ImportSummary,
};
pub use approval::{Approval, ApprovalState, CarriedOut, DecideBody};
pub use audit::{AuditFault, AuditVerdict, Seal};
pub use category::CategorySummary;
pub use cloud_event::{CloudEvent, CloudEventError, CloudEventFields};
pub use environment::{CONFIRM_HEADER, Environment, EnvironmentNameError};
pub use event::{
    EventPage, EventWithCauses, Position, ProposedEvent, RecordedEvent, StreamPage, Version,
};
pub use event_type::{EventTypeSummary, NewShapes, Shape};
pub use find::{FindAnswer, Found, FoundKind};
pub use flow::{
    Flow, FlowEvent, FlowKind, FlowList, FlowOrder, FlowOutcome, FlowRule, FlowRuleBody, FlowShown,
    FlowState, FlowSummary,
};
pub use flow_map::{FlowMap, FlowMapEdge, FlowMapNode, FlowMapPlace, FlowMapType};
pub use histogram::{Bucket, Histogram};
pub use identity::{
    ApiToken, Invitation, JoinBody, LoginBody, LoginMode, NewShare, NewShareBody, NewToken,
    NewTokenBody, NewUserBody, Right, Role, Share, User, UserBody, WhoAmI,
};
pub use job::{Eta, Job, JobKind, JobState};
pub use lag_history::{LagHistory, LagSeries};
pub use limits::Limits;
pub use live::{ClientMessage, Gap, ServerMessage, Topic};
pub use maintenance::{Maintenance, MaintenanceAnswer};
pub use mask::{
    HIDDEN_TEXT, HiddenTerm, MASKED, Mask, MaskCleared, MaskError, MaskPath, MaskRule,
    MaskRuleBody, MaskRuleFound, MaskTypes, Masking,
};
pub use problem::Problem;
pub use read_model::{
    Action, Failure, FailureOutcome, Lag, LagPoint, ReadModel, ReadModelState, ReadModelVersion,
    VersionRole,
};
pub use read_model_api::{
    CheckDifference, CheckReport, DefineOutcome, DefinedReadModel, HandledAnswer, HandledBy,
    OrderBody, ReadModelLag, RefusedDefinition, RowsColumn, RowsPage,
};
pub use read_model_definition::{Definition, DefinitionError, FailurePolicy, HandlerKind};
pub use read_model_diff::{ColumnDiff, DiffKind, DiffPage, DiffRow, ReadModelDiff, TableDiff};
pub use read_model_orders::{
    DiscardBody, FailureBody, PartBody, PlanBody, PlanKind, PromoteBody, RebuildBody, ReplayBody,
    SpeedBody,
};
pub use read_model_part::{Part, PartKey};
pub use read_model_plan::{RebuildPlan, ReplayFrom, ReplayPlan};
pub use saved_view::{SavedView, SavedViewBody, ViewPage};
pub use sight::Sight;
pub use state::State;
pub use state_definition::{
    KeptStateDefinition, StateDefinition, StateDefinitionFailure, StateDefinitionUsed, StateTryBody,
};
pub use store::{
    DatabaseRights, Mark, MarkHolder, RelationSize, StoreFacts, StoreSizes, TailFacts,
};
pub use store_check::{CheckVerdict, StoreCheck};
pub use stream::{StreamList, StreamName, StreamNameError, StreamOrder, StreamSummary};
pub use stream_state::{
    EventHead, FieldSetBy, StateBy, StateChange, StateDifference, StateFolding, StateFound,
    StateOperation, StreamState, StreamTimeline,
};
pub use subscription::{
    AcknowledgeBody, Acknowledged, Delivery, FailedDelivery, FetchBody, Fetched, Member, MemberWay,
    MoveBody, MovePlan, ParkedAnswer, ParkedBody, ParkedEvent, ReleaseBody, StartAt, Subscription,
    SubscriptionBody, SubscriptionNameError, SubscriptionState, check_subscription_name,
};
pub use time_range::{Span, chart_step_s};
pub use traceparent::{TRACES, Traceparent, TraceparentError};
