"""Recording a training step of PyTorch for the debugger: two lines in your script, or one in the head of its loop.

```python
import retrograde.torch as rg

with rg.record("step.rgrec", model, optimizer):
    train_step(batch)

for batch in rg.watch(loader, model, optimizer):
    train_step(batch)
```

This is the only part of Retrograde that imports PyTorch. Its folder is called `capture`, since a folder `torch` on the
path would hide PyTorch itself.
"""

from retrograde.torch.recorder import record
from retrograde.torch.report import BadStepError, Report
from retrograde.torch.watching import watch

__all__ = ["BadStepError", "Report", "record", "watch"]
