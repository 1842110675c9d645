"""The tags every new site begins with, so that a first question has somewhere to go."""

from typing import NamedTuple

from app.core.db import AsyncSession
from app.questions.queries import tags as queries


class _Seed(NamedTuple):
    name: str
    parent: str
    synonyms: tuple[str, ...]
    about_en: str
    about_zh: str


_SEEDS = (
    _Seed("computer-vision", "", ("cv", "计算机视觉"), "Images and video.", "图像与视频。"),
    _Seed(
        "image-classification",
        "computer-vision",
        ("图像分类",),
        "One label, or several, for a whole picture.",
        "给整张图片一个或多个标签。",
    ),
    _Seed(
        "object-detection",
        "computer-vision",
        ("detection", "目标检测"),
        "Boxes around things, each with a label.",
        "在图片中框出物体并给出类别。",
    ),
    _Seed(
        "semantic-segmentation",
        "computer-vision",
        ("segmentation", "语义分割"),
        "A label for each pixel.",
        "给每个像素一个标签。",
    ),
    _Seed("nlp", "", ("自然语言处理",), "Texts and language.", "文本与语言。"),
    _Seed("text-classification", "nlp", ("文本分类",), "A label for a text.", "给文本一个标签。"),
    _Seed(
        "token-classification",
        "nlp",
        ("ner", "命名实体识别"),
        "A label for each word, names for instance.",
        "给每个词一个标签，例如命名实体识别。",
    ),
    _Seed(
        "text-generation",
        "nlp",
        ("llm", "文本生成"),
        "Models that write; instruction tuning.",
        "会写作的模型与指令微调。",
    ),
    _Seed(
        "question-answering", "nlp", ("问答",), "Find the answer in a text.", "在文本中找到答案。"
    ),
    _Seed("audio", "", ("语音", "音频"), "Sound and speech.", "声音与语音。"),
    _Seed(
        "speech-recognition", "audio", ("asr", "语音识别"), "Speech to text.", "把语音变成文字。"
    ),
    _Seed(
        "fine-tuning", "", ("finetune", "微调"), "How a model is adapted.", "如何让模型适应新任务。"
    ),
    _Seed(
        "linear-probing",
        "fine-tuning",
        ("frozen", "线性探测"),
        "Train the head, keep the rest frozen.",
        "冻结主干，只训练分类头。",
    ),
    _Seed(
        "gradual-unfreezing",
        "fine-tuning",
        ("unfreezing", "逐层解冻"),
        "Train more layers as time goes on.",
        "随训练推进逐步解冻更多层。",
    ),
    _Seed(
        "lora",
        "fine-tuning",
        ("peft",),
        "Small adapters instead of all weights.",
        "用小型适配器代替全部权重。",
    ),
    _Seed(
        "overfitting", "", ("过拟合",), "Good on the training data only.", "只在训练数据上表现好。"
    ),
    _Seed(
        "learning-rate", "", ("学习率",), "How large a step is, and when.", "步长多大，何时变化。"
    ),
    _Seed(
        "class-imbalance",
        "",
        ("imbalance", "类别不平衡"),
        "Few samples of some classes.",
        "某些类别样本很少。",
    ),
    _Seed("augmentation", "", ("数据增强",), "Changing samples on purpose.", "有意改变样本。"),
    _Seed(
        "out-of-memory",
        "",
        ("oom", "显存", "内存不足"),
        "The machine ran out of memory.",
        "内存或显存不够。",
    ),
    _Seed(
        "diverged",
        "",
        ("nan", "发散"),
        "The loss is not a number any more.",
        "损失变成无穷或非数。",
    ),
    _Seed("data-invalid", "", (), "The data set has errors.", "数据集有错误。"),
    _Seed("pytorch", "", ("torch",), "The library under every run.", "每次运行所用的库。"),
    _Seed("transformers", "", (), "The library and its models.", "该库及其中的模型。"),
    _Seed("timm", "", (), "Image backbones.", "图像主干网络。"),
)


async def plant_tags(db: AsyncSession) -> None:
    """Make the first tags; what is there already stays as people have it."""
    known = await queries.by_names(db, [seed.name for seed in _SEEDS])
    for seed in _SEEDS:
        if seed.name in known:
            continue
        await queries.add_tag(db, seed.name)
        row = (await queries.by_names(db, [seed.name]))[seed.name]
        row.about_en, row.about_zh = seed.about_en, seed.about_zh
        if seed.parent:
            row.parent_id = (await queries.by_names(db, [seed.parent]))[seed.parent].id
        for name in seed.synonyms:
            await queries.add_tag(db, name)
            (await queries.by_names(db, [name]))[name].synonym_of_id = row.id
        await db.flush()
