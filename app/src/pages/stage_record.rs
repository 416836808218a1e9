//! The Stage as a file for slides: what is seen is drawn once more into a picture of its own, which the browser's recorder makes a video of.

use std::cell::RefCell;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{
    Blob, BlobEvent, HtmlCanvasElement, HtmlElement, MediaRecorder, MediaRecorderOptions,
};

use super::stage_cards::Picture;
use super::stage_ground::Laid;

/// Pictures of a second.
const PICTURES: f64 = 30.0;
/// Bits of a second: dots and letters stay sharp, and a minute has about 30 MB at most.
const BITS: u32 = 4_000_000;
/// A recording ends by itself then: the browser keeps all of it until it is saved.
const LONGEST: Duration = Duration::from_mins(10);
/// The cards are drawn anew after so many frames.
const CARDS_EVERY: u32 = 15;
/// Kinds of files, the ones that slides take everywhere first; and how their names end.
const KINDS: [(&str, &str); 3] = [
    ("video/mp4;codecs=avc1.42001f", "mp4"),
    ("video/webm;codecs=vp9", "webm"),
    ("video/webm", "webm"),
];

struct Recording {
    recorder: MediaRecorder,
    picture: Picture,
    cards: Picture,
    frames: u32,
}

thread_local! {
    // Like what the Stage is drawn with: on the server, signals end on any thread.
    static RECORDING: RefCell<Option<Recording>> = const { RefCell::new(None) };
}

/// Records the Stage, where the browser can.
#[component]
pub fn RecordStage(
    /// Where it is said that it failed.
    failed: RwSignal<Option<String>>,
) -> impl IntoView {
    let is_offered = RwSignal::new(false);
    let is_on = RwSignal::new(false);
    Effect::new(move || is_offered.set(kind().is_some() && !super::stage_picture::is_calm()));
    on_cleanup(stop);
    let begin = move || match start(is_on) {
        Ok(()) => {
            is_on.set(true);
            failed.set(None);
        }
        Err(why) => failed.set(Some(format!("This browser does not record it: {why}."))),
    };
    let turn = move |_| {
        if is_on.get_untracked() {
            stop();
        } else {
            begin();
        }
    };
    move || {
        is_offered.get().then(|| {
            view! {
                <button
                    type="button"
                    class="quiet"
                    class:rec=move || is_on.get()
                    title="A video of what you see here, for slides; ten minutes at most"
                    on:click=turn
                >
                    {move || if is_on.get() { "■ Stop and save" } else { "Record" }}
                </button>
            }
        })
    }
}

/// The first kind of file that this browser makes.
fn kind() -> Option<(&'static str, &'static str)> {
    let has = js_sys::Reflect::has(&window(), &JsValue::from_str("MediaRecorder"));
    if has != Ok(true) {
        return None;
    }
    KINDS
        .into_iter()
        .find(|(kind, _)| MediaRecorder::is_type_supported(kind))
}

fn start(is_on: RwSignal<bool>) -> Result<(), String> {
    let say = |error: JsValue| format!("{error:?}");
    let (kind, ending) = kind().ok_or("it has no recorder")?;
    let (picture, cards) = (Picture::new().map_err(say)?, Picture::new().map_err(say)?);
    let stage = document().query_selector(".stage").ok().flatten();
    let stage = stage.ok_or("there is no Stage")?;
    // A video has one size, whatever becomes of the window.
    picture.fit(&stage.get_bounding_client_rect());
    let options = MediaRecorderOptions::new();
    options.set_mime_type(kind);
    options.set_video_bits_per_second(BITS);
    let stream = picture
        .canvas
        .capture_stream_with_frame_request_rate(PICTURES)
        .map_err(say)?;
    let recorder =
        MediaRecorder::new_with_media_stream_and_media_recorder_options(&stream, &options)
            .map_err(say)?;
    // All of it comes once, when it is stopped.
    let save = Closure::once_into_js(move |made: BlobEvent| {
        RECORDING.set(None);
        let _ = is_on.try_set(false);
        if let Some(blob) = made.data() {
            // Fails where a page may not make links of its own.
            let _ = save(&blob, ending);
        }
    });
    recorder.set_ondataavailable(Some(save.unchecked_ref()));
    recorder.start().map_err(say)?;
    let begun = recorder.clone();
    set_timeout(
        move || {
            // Nothing happens to one that has been stopped.
            let _ = begun.stop();
        },
        LONGEST,
    );
    RECORDING.set(Some(Recording {
        recorder,
        picture,
        cards,
        frames: 0,
    }));
    Ok(())
}

/// Ends what is recorded, if anything is; the file follows.
fn stop() {
    RECORDING.with_borrow(|recording| {
        if let Some(recording) = recording {
            let _ = recording.recorder.stop();
        }
    });
}

fn save(blob: &Blob, ending: &str) -> Result<(), JsValue> {
    let url = web_sys::Url::create_object_url_with_blob(blob)?;
    let link: HtmlElement = document().create_element("a")?.unchecked_into();
    link.set_attribute("href", &url)?;
    let now = jiff::Timestamp::from_millisecond(milliseconds(js_sys::Date::now()));
    let now = now.map_or_else(
        |_| String::new(),
        |now| now.strftime("-%Y-%m-%d-%H%M%S").to_string(),
    );
    link.set_attribute("download", &format!("stage{now}.{ending}"))?;
    link.click();
    // The browser has begun to read it by then.
    set_timeout(
        move || {
            let _ = web_sys::Url::revoke_object_url(&url);
        },
        Duration::from_mins(1),
    );
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds of now")]
fn milliseconds(now: f64) -> i64 {
    now as i64
}

/// Takes one frame over into what is recorded, if anything is.
pub(super) fn frame(flying: &HtmlCanvasElement, stage: &HtmlElement, laid: &Laid) {
    RECORDING.with_borrow_mut(|recording| {
        if let Some(recording) = recording {
            // Fails for canvases without a size, of which nothing is seen.
            let _ = recording.frame(flying, stage, laid);
        }
    });
}

impl Recording {
    fn frame(
        &mut self,
        flying: &HtmlCanvasElement,
        stage: &HtmlElement,
        laid: &Laid,
    ) -> Result<(), JsValue> {
        let whole = stage.get_bounding_client_rect();
        if self.frames.is_multiple_of(CARDS_EVERY) {
            self.cards.fit(&whole);
            self.cards.draw_cards(stage, &whole);
        }
        self.frames = self.frames.wrapping_add(1);
        let (width, height) = self.picture.size();
        let (wide, high) = (width / whole.width(), height / whole.height());
        let context = &self.picture.context;
        context.draw_image_with_html_canvas_element_and_dw_and_dh(
            &self.cards.canvas,
            0.0,
            0.0,
            width,
            height,
        )?;
        context.draw_image_with_html_canvas_element_and_dw_and_dh(
            flying,
            0.0,
            laid.top * high,
            laid.width * wide,
            laid.height * high,
        )
    }
}
