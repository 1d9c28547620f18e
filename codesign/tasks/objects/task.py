"""Objects in 32 x 32 colour images: CIFAR-10."""

from codesign.tasks.classification import ClassificationTask
from codesign.tasks.objects.cifar10 import read_cifar10

TASK = ClassificationTask("objects", classes=10, shape=(3, 32, 32), read=read_cifar10)
