"""Fixed sentences, in the question's language; English where a language has none here."""

from __future__ import annotations

from rag.text.language import language

NOT_ANSWERED: dict[str, str] = {
    "en": "The documents do not answer this question.",
    "zh": "文档中没有这个问题的答案。",
    "ja": "この質問の答えは文書にありません。",
    "ko": "문서에 이 질문에 대한 답이 없습니다.",
    "de": "Die Dokumente beantworten diese Frage nicht.",
    "fr": "Les documents ne répondent pas à cette question.",
    "es": "Los documentos no responden a esta pregunta.",
    "it": "I documenti non rispondono a questa domanda.",
    "pt": "Os documentos não respondem a esta pergunta.",
    "nl": "De documenten beantwoorden deze vraag niet.",
    "ru": "В документах нет ответа на этот вопрос.",
    "ar": "لا تجيب الوثائق عن هذا السؤال.",
}

LANGUAGE_NAMES: dict[str, str] = {
    "en": "English", "zh": "Chinese", "ja": "Japanese", "ko": "Korean", "de": "German", "fr": "French", "es": "Spanish",
    "it": "Italian", "pt": "Portuguese", "nl": "Dutch", "ru": "Russian", "ar": "Arabic",
    "pl": "Polish", "tr": "Turkish",
    "sv": "Swedish", "da": "Danish", "no": "Norwegian", "fi": "Finnish", "cs": "Czech", "hu": "Hungarian",
    "ro": "Romanian", "uk": "Ukrainian", "el": "Greek", "he": "Hebrew", "hi": "Hindi", "th": "Thai",
    "vi": "Vietnamese", "id": "Indonesian", "fa": "Persian",
}  # fmt: skip


def not_answered(question: str) -> str:
    """The sentence that says that the documents do not answer the question."""
    return NOT_ANSWERED.get(language(question), NOT_ANSWERED["en"])


def language_name(question: str) -> str:
    """The English name of the question's language, as a prompt says it."""
    return LANGUAGE_NAMES.get(language(question), "the question's language")
