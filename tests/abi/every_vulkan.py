"""A Vulkan instance, device and queue of a Python program, by ctypes alone, to be handed to the library."""
import ctypes
from ctypes import POINTER, Structure, byref, c_char_p, c_float, c_int32, c_uint32, c_void_p

API_1_1 = 1 << 22 | 1 << 12


class ApplicationInfo(Structure):
    _fields_ = [("type", c_int32), ("next", c_void_p), ("name", c_char_p), ("version", c_uint32), ("engine", c_char_p),
                ("engine_version", c_uint32), ("api_version", c_uint32)]


class InstanceCreateInfo(Structure):
    _fields_ = [("type", c_int32), ("next", c_void_p), ("flags", c_uint32), ("application", POINTER(ApplicationInfo)), ("layers", c_uint32),
                ("layer_names", c_void_p), ("extensions", c_uint32), ("extension_names", c_void_p)]


class QueueCreateInfo(Structure):
    _fields_ = [("type", c_int32), ("next", c_void_p), ("flags", c_uint32), ("family", c_uint32), ("count", c_uint32),
                ("priorities", POINTER(c_float))]


class DeviceCreateInfo(Structure):
    _fields_ = [("type", c_int32), ("next", c_void_p), ("flags", c_uint32), ("queues", c_uint32), ("queue_infos", POINTER(QueueCreateInfo)),
                ("layers", c_uint32), ("layer_names", c_void_p), ("extensions", c_uint32), ("extension_names", c_void_p),
                ("features", c_void_p)]


def must(result, call):
    if result < 0:
        raise SystemExit(f"{call} gives {result}")


class VulkanHost:
    """Family 0, no feature, no extension; sType: 0 application, 1 instance, 2 queue, 3 device."""

    def __init__(self):
        self.vulkan = ctypes.CDLL("libvulkan.so.1")
        self.instance, self.physical, self.device, self.queue = c_void_p(), c_void_p(), c_void_p(), c_void_p()
        application = ApplicationInfo(type=0, api_version=API_1_1)
        must(self.vulkan.vkCreateInstance(byref(InstanceCreateInfo(type=1, application=ctypes.pointer(application))), None, byref(self.instance)),
             "vkCreateInstance")
        must(self.vulkan.vkEnumeratePhysicalDevices(self.instance, byref(c_uint32(1)), byref(self.physical)), "vkEnumeratePhysicalDevices")
        queue = QueueCreateInfo(type=2, count=1, priorities=ctypes.pointer(c_float(1)))
        create = DeviceCreateInfo(type=3, queues=1, queue_infos=ctypes.pointer(queue))
        must(self.vulkan.vkCreateDevice(self.physical, byref(create), None, byref(self.device)), "vkCreateDevice")
        self.vulkan.vkGetDeviceQueue(self.device, 0, 0, byref(self.queue))

    def describe(self, world):
        """A ctvk_vulkan_device of the headers."""
        get = ctypes.cast(self.vulkan.vkGetInstanceProcAddr, c_void_p).value
        return world.struct("ctvk_vulkan_device", api_version=API_1_1, get_instance_proc_addr=world.headers.types["ctvk_vulkan_get_fn"](get),
                            instance=self.instance, physical_device=self.physical, device=self.device, queue=self.queue)

    def end(self):
        self.vulkan.vkDestroyDevice(self.device, None)
        self.vulkan.vkDestroyInstance(self.instance, None)
