"""The Python text on the card of an agent; torch alone runs it."""

from worker.modeling.nets import mlp_policy, source_of

_ACT = """
config = json.load(open("config.json", encoding="utf-8"))
model = MlpPolicy(config["observations"], config["actions"], config["hidden"])
model.load_state_dict(load_file("model.safetensors"))
model.eval()


def act(observation):
    with torch.inference_mode():
        return int(model(torch.as_tensor(observation)[None].float())[0].argmax())
"""


def agent_snippet() -> str:
    """Return the code; it reads `config.json` and `model.safetensors` from the current folder."""
    heading = ["import json", "", "from safetensors.torch import load_file"]
    return "\n".join([*heading, source_of(mlp_policy)]) + _ACT
