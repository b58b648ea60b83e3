import GRDB
import QueueRunner
