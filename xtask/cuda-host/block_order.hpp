// Which block of a launch runs now.
#pragma once
extern "C" unsigned long host_cuda_block();
