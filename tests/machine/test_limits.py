import os

from pytest_cpuperf.machine.limits import read_limits


def test_the_tightest_quota_above_us_counts(machine):
    root = machine(
        {
            "proc/mounts": "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n",
            "proc/self/cgroup": "0::/pod/container\n",
            "sys/fs/cgroup/pod/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/pod/container/cpu.max": "max 100000\n",
            "sys/fs/cgroup/pod/container/cpuset.cpus.effective": "0-3\n",
            "sys/fs/cgroup/pod/cpuset.cpus.effective": "2-5\n",
        }
    )
    limits = read_limits(root)
    assert limits.quota == 1.5
    assert limits.allowed == {2, 3}


def test_cgroup_v1_mounted_anywhere(machine):
    root = machine(
        {
            "proc/mounts": "x /groups/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\nx /groups/cpuset cgroup rw,cpuset 0 0\n",
            "proc/self/cgroup": "3:cpuset:/job\n2:cpu,cpuacct:/job\n",
            "groups/cpu,cpuacct/job/cpu.cfs_quota_us": "400000\n",
            "groups/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
            "groups/cpuset/job/cpuset.cpus": "1,3\n",
        }
    )
    limits = read_limits(root)
    assert (limits.quota, limits.allowed) == (4.0, {1, 3})


def test_inside_a_container_the_mount_shows_a_subtree(machine):
    root = machine(
        {
            "proc/mounts": "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n",
            "proc/self/mountinfo": "30 20 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n",
            "proc/self/cgroup": "0::/docker/abc/inner\n",
            "sys/fs/cgroup/inner/cpu.max": "50000 100000\n",
        }
    )
    assert read_limits(root).quota == 0.5


def test_no_quota_and_no_cpuset_is_no_limit(machine):
    assert read_limits(machine({"proc/mounts": ""})).quota is None


def test_on_this_machine_the_limits_are_our_affinity():
    assert read_limits().allowed <= os.sched_getaffinity(0)
